CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, b INT, d DOUBLE, note TEXT, KEY ab (a, b));
INSERT INTO t VALUES (1, 10, 100, 1.5, 'früh'), (2, -5, NULL, NULL, NULL), (3, 0, 7, -2.25, '%s'), (4, 4, 4, 4, '');
