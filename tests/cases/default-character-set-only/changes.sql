INSERT INTO t VALUES (3, 'ü', 'y');
UPDATE t SET a = 'ÿ' WHERE id = 1;
