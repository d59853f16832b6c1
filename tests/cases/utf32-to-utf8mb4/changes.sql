INSERT INTO t SELECT id + 10, c, v, x, stays FROM t;
UPDATE t SET c = x'0001F4A9', v = x'0001F4A9', x = x'0001F4A9', stays = x'0001F4A9' WHERE id IN (1, 3);
