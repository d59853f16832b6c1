INSERT INTO t SELECT id + 10, a, c, e FROM t;
UPDATE t SET a = '2024-12-31 23:59:59', c = '00:00:01' WHERE id = 1;
