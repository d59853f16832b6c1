INSERT INTO t VALUES (4, 'spät', 'ß');
UPDATE t SET v = '%s' WHERE id = 2;
