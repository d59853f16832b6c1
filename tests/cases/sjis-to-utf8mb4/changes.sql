INSERT INTO t SELECT id + 10, c, v, x, stays FROM t;
UPDATE t SET c = x'8F5C41', v = x'8F5C41', x = x'8F5C41', stays = x'8F5C41' WHERE id IN (1, 3);
