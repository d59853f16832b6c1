UPDATE t SET a = 'paid', b = 'x,y' WHERE id = 3;
INSERT INTO t VALUES (4, 'new', 'y');
