CREATE TABLE t (id INT PRIMARY KEY, kind ENUM('a', 'b', 'c'));
INSERT INTO t VALUES (1, 'a'), (2, 'c');
