SET sql_generate_invisible_primary_key = 1;
CREATE TABLE t (id INT, a INT DEFAULT 2);
INSERT INTO t (id) VALUES (1), (2), (5);
