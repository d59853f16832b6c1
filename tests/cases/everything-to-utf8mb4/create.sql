CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b TEXT, e ENUM('a', 'o'), s SET('s', 'x'), raw VARBINARY(9), KEY (a)) CHARACTER SET latin1;
INSERT INTO t VALUES (1, 'é', 'ÿ', 'o', 's,x', x'E9FF'), (2, NULL, NULL, NULL, NULL, NULL), (3, '', '', 'a', '', '');
