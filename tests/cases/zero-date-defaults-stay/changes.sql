SET sql_mode = '';
INSERT INTO t (id) VALUES (3);
UPDATE t SET a = '2015-00-21' WHERE id = 1;
