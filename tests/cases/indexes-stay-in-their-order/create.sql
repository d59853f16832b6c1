CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, v VARCHAR(50), x TEXT, KEY z (b), KEY ab (a, b) COMMENT 'first', KEY `a``b %` (b, a), KEY v (v(7), a), UNIQUE KEY u (a, id), KEY x (x(20)), FULLTEXT KEY words (v, x), KEY big (b) KEY_BLOCK_SIZE=8, KEY h (a) USING HASH);
INSERT INTO t (id) VALUES (1), (2), (5);
