UPDATE t SET n = 11 WHERE id = 1;
