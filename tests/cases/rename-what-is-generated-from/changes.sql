UPDATE t SET a = 5 WHERE id = 2;
INSERT INTO t (id, a) VALUES (3, 3);
