INSERT INTO t SELECT id + 10, u, v, a, b, c FROM t;
UPDATE t SET v = 'ffffffff-ffff-1fff-8fff-ffffffffff00', b = '2001:db8::ff00', c = '10.0.0.0' WHERE id IN (1, 2);
