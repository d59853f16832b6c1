-- gh-ost #722: the row got the id 1
CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT);
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
INSERT INTO t VALUES (0, 1), (-5, 1), (7, 1);
