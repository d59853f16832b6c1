UPDATE t SET v = '😀' WHERE id = 1;
