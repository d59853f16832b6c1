INSERT INTO t SELECT id + 10, a, b, c FROM t;
UPDATE t SET a = REPEAT('z', 5000), b = x'00', c = '' WHERE id = 2;
