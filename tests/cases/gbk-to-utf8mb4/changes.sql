INSERT INTO t SELECT id + 10, c, v, x, stays FROM t;
UPDATE t SET c = x'955C5C', v = x'955C5C', x = x'955C5C', stays = x'955C5C' WHERE id IN (1, 3);
