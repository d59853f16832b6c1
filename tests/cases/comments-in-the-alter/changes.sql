UPDATE t SET a = 2;
