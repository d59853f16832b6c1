INSERT INTO t SELECT id + 10, a, b, c, d FROM t;
UPDATE t SET a = 'ÿ', b = '好', c = 'a😀b', d = 'ЖЁ' WHERE id IN (1, 3);
