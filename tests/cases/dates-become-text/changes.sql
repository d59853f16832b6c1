INSERT INTO t SELECT id + 10, day, at, t, y FROM t;
UPDATE t SET day = '0001-01-01', at = '2001-01-01', t = '838:59:59', y = '0000' WHERE id = 2;
