INSERT INTO t SELECT id + 10, c, v, x FROM t;
UPDATE t SET c = x'A080', v = x'818D8F909D', x = x'F09F9880' WHERE id = 1;
