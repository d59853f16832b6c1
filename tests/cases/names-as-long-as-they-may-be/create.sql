CREATE TABLE t (`iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii` INT PRIMARY KEY, `éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé` INT, KEY `kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk` (`éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé`));
INSERT INTO t VALUES (1, 1), (2, NULL);
