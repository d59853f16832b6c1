UPDATE t SET a = 'paid', b = 'y,x' WHERE id = 3;
INSERT INTO t VALUES (4, 'new', 'y');
