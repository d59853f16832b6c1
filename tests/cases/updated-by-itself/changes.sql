SET timestamp = 1700000000.125;
UPDATE t SET v = 5 WHERE id = 1;
INSERT INTO t (id, v) VALUES (4, 4);
UPDATE t SET v = 6, at = at WHERE id = 2;
