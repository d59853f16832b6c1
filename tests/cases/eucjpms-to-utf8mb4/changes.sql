INSERT INTO t SELECT id + 10, c, v, x, stays FROM t;
UPDATE t SET c = x'B4C1', v = x'B4C1', x = x'B4C1', stays = x'B4C1' WHERE id IN (1, 3);
