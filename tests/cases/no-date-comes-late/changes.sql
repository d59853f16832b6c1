UPDATE t SET v = 'someday' WHERE id = 1;
