UPDATE t SET `a b` = 'ü' WHERE id = 2;
