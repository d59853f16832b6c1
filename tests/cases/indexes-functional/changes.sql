INSERT INTO t VALUES (4, 4, 'x', '{"tags": [3]}');
UPDATE t SET a = 9, j = '{"tags": [7, 8]}' WHERE id = 3;
