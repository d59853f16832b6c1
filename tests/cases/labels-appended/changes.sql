INSERT INTO t SELECT id + 10, kind, flags FROM t;
UPDATE t SET kind = 'é', flags = 'x,y,z' WHERE id = 1;
UPDATE t SET kind = 'new', flags = 'z' WHERE id IN (3, 13);
