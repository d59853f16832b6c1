CREATE USER IF NOT EXISTS 'reader of cases'@'%';
CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT);
GRANT SELECT (a, b), UPDATE (a) ON t TO 'reader of cases'@'%';
GRANT INSERT, DELETE ON t TO 'reader of cases'@'%' WITH GRANT OPTION;
INSERT INTO t VALUES (1, 1, 1);
