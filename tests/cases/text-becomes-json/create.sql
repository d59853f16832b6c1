CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT);
INSERT INTO t VALUES (1, '{"b": 1.0, "a": [1e25, "ä"]}'), (2, 'null'), (3, NULL), (4, '  [ 1 ,2 ] ');
