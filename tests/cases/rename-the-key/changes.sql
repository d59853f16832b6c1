INSERT INTO t VALUES (50, 5, 55, 0.1, 'spät'), (51, -6, NULL, NULL, '');
UPDATE t SET a = a - 1, b = b * 2, note = CONCAT('ü', note) WHERE id IN (1, 3);
UPDATE t SET id = 60 WHERE id = 2;
DELETE FROM t WHERE id = 4;
