UPDATE t SET b = 16 WHERE id = 1;
