UPDATE t SET a = 'B', b = 'x' WHERE id = 2;
INSERT INTO t VALUES (5, 'z', 'ÿ');
