INSERT INTO t SELECT id + 10, c, v, x, stays FROM t;
UPDATE t SET c = x'E6B3A8', v = x'E6B3A8', x = x'E6B3A8', stays = x'E6B3A8' WHERE id IN (1, 3);
