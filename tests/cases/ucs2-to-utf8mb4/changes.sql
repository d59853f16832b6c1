INSERT INTO t SELECT id + 10, c, v, x, stays FROM t;
UPDATE t SET c = x'4F60597D', v = x'4F60597D', x = x'4F60597D', stays = x'4F60597D' WHERE id IN (1, 3);
