-- The binlog then has only the differences
SET binlog_row_value_options = 'PARTIAL_JSON';
CREATE TABLE t (id INT PRIMARY KEY, j JSON, k JSON);
INSERT INTO t VALUES (1, JSON_OBJECT('a', REPEAT('x', 200), 'b', 1.0, 'c', JSON_ARRAY(1, 2, 3)), '[1, 2]'), (2, JSON_OBJECT('a', REPEAT('y', 200)), NULL);
