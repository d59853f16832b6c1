UPDATE t SET a = 9, p = -0.05, u = 7 WHERE id = 3;
INSERT INTO t VALUES (4, 1, 2, 3);
