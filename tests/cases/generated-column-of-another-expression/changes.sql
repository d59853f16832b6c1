INSERT INTO t (id, a, name) VALUES (50, 5, 'late'), (51, -6, '');
UPDATE t SET a = a - 1 WHERE id IN (1, 3);
UPDATE t SET id = 60 WHERE id = 2;
