CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10), b VARCHAR(10));
INSERT INTO t VALUES (1, 'new', 'x'), (2, 'paid', ''), (3, NULL, NULL);
