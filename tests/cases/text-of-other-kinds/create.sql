CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b CHAR(5), c TEXT);
INSERT INTO t VALUES (1, 'x ', 'y', 'long'), (2, '', '', ''), (3, NULL, NULL, NULL);
