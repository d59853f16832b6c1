UPDATE t SET kind = 'b' WHERE id = 2;
