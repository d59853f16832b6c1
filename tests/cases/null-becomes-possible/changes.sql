INSERT INTO t VALUES (3, -1, 'y');
UPDATE t SET a = 7 WHERE id = 1;
