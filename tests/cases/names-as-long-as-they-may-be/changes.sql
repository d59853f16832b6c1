UPDATE t SET `éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé` = 5 WHERE `iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii` = 2;
INSERT INTO t VALUES (3, 3);
