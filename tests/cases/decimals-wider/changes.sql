INSERT INTO t SELECT id + 10, a, b, c FROM t;
UPDATE t SET a = 999999.99, b = -1e-30 WHERE id = 2;
