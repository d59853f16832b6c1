INSERT INTO t SELECT id + 10, a, b, e, s, raw FROM t;
UPDATE t SET a = 'ü', e = 'a', s = 's' WHERE id IN (1, 2);
