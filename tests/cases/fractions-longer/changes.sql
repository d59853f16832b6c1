INSERT INTO t SELECT id + 10, a, b, c, d, e FROM t;
UPDATE t SET a = '2001-01-01', b = '2001-01-01 00:00:00.001', c = '-00:00:01', d = '-00:00:00.9', e = '2001-01-01 00:00:00.99' WHERE id IN (2, 3);
