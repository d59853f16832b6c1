INSERT INTO t VALUES (4, 'd', 'z');
UPDATE t SET kind = 'a', flags = 'x' WHERE id = 2;
