INSERT INTO t VALUES (2, 'too long', 0);
