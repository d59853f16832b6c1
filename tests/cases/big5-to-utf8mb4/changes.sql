INSERT INTO t SELECT id + 10, c, v, x, stays FROM t;
UPDATE t SET c = x'B35C', v = x'B35C', x = x'B35C', stays = x'B35C' WHERE id IN (1, 3);
