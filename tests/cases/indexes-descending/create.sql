CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, KEY ab (a DESC, b), KEY ba (b, a DESC), UNIQUE KEY u (id DESC, a));
INSERT INTO t (id) VALUES (1), (2), (5);
