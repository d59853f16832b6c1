CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, b INT AS (a + 1) VIRTUAL, c INT AS (a + 2) STORED, name VARCHAR(20), KEY c (c), KEY b (b));
INSERT INTO t (id, a, name) VALUES (1, 10, 'x'), (2, 20, ''), (3, 30, NULL);
