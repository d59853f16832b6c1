UPDATE t SET `col%s ``x` = 9, `semi;colon'and"q` = '\\' WHERE `select` = 2;
INSERT INTO t VALUES (4, 4, 4, 'new');
DELETE FROM t WHERE `select` = 1;
