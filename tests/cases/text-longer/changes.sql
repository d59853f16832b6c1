INSERT INTO t SELECT id + 10, a, b, c, d, e, f FROM t;
UPDATE t SET a = ' x  ', c = 'y ', e = x'0000' WHERE id = 3;
