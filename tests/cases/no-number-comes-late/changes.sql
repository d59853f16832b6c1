UPDATE t SET v = '12x' WHERE id = 1;
