UPDATE t SET a = 0 WHERE id = 1;
UPDATE t SET a = 1 WHERE id = 2;
UPDATE t SET a = 2 WHERE id = 1;
UPDATE t SET id = 9 WHERE id = 3;
UPDATE t SET id = 3 WHERE id = 2;
UPDATE t SET id = 2 WHERE id = 9;
