CREATE TABLE t (id INT PRIMARY KEY, kind ENUM('a', 'b', 'c', 'd'), flags SET('x', 'y', 'z'));
INSERT INTO t VALUES (1, 'a', 'x,z'), (2, 'd', ''), (3, NULL, NULL);
