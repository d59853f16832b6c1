CREATE TABLE t (id INT PRIMARY KEY, flags SET('a', 'b', 'c'));
INSERT INTO t VALUES (1, 'a'), (2, 'a,b');
