INSERT INTO t SELECT id + 10, a, b, c, d, z FROM t;
UPDATE t SET a = -1, b = 65534, c = -1, d = 4294967294, z = 7 WHERE id IN (3, 4);
