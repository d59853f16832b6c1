-- MariaDB: YEARs that were equal were told to differ
CREATE TABLE t (id INT PRIMARY KEY, y YEAR);
INSERT INTO t VALUES (1, 1999), (2, '0000'), (3, 2155);
