-- gh-ost #290; bytes without a character in it (0x81) too
CREATE TABLE t (id INT PRIMARY KEY, c CHAR(10) CHARACTER SET latin1, v VARCHAR(20) CHARACTER SET latin1 NOT NULL, x TEXT CHARACTER SET latin1);
INSERT INTO t VALUES (1, 'é', 'ÿ€x', 'plain'), (2, NULL, '', NULL), (3, x'818D8F90', x'9D8081FF', x'C3A4C3B6'), (4, '', 'a ', REPEAT('ä', 300));
