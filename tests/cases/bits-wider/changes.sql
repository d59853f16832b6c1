INSERT INTO t SELECT id + 10, a, b, c, d FROM t;
UPDATE t SET a = 0, b = 64, c = 1, d = 1 WHERE id = 3;
