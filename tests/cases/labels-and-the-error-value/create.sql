-- Without a strict mode a wrong label is stored as number 0, which looks like ''
CREATE TABLE t (id INT PRIMARY KEY, kind ENUM('a', '') NOT NULL, other ENUM('x', 'y'));
SET sql_mode = '';
INSERT IGNORE INTO t VALUES (1, 'wrong', 'wrong'), (2, '', 'x'), (3, 'a', NULL);
