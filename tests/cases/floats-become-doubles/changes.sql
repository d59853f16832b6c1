INSERT INTO t SELECT id + 10, f, g, d FROM t;
UPDATE t SET f = 16777217, g = 0.333, d = 5e-324 WHERE id = 4;
