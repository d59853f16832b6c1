INSERT INTO t SELECT id + 10, a, b, c, d FROM t;
UPDATE t SET a = x'AA', b = x'AA00', c = x'AA00', d = x'AA' WHERE id IN (1, 3);
DELETE FROM t WHERE a = x'20202020';
