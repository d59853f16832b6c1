SET sql_mode = '';
UPDATE IGNORE t SET kind = 'wrong', other = 'wrong' WHERE id = 3;
INSERT INTO t VALUES (4, 'a', 'y');
