CREATE TABLE t (id INT PRIMARY KEY, a INT, g INT AS (a) STORED, UNIQUE KEY u ((g + 1)));
INSERT INTO t (id, a) VALUES (1, 2), (2, 3), (3, 7);
