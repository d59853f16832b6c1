INSERT INTO t SELECT id + 10, f, g, d, e FROM t;
UPDATE t SET f = 16777217, g = 0.333, d = 5e-324 WHERE id = 4;
UPDATE t SET f = f / 3, d = d / 3 WHERE id IN (1, 6);
