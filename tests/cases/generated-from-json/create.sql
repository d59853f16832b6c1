CREATE TABLE t (id INT PRIMARY KEY, j JSON, v VARCHAR(20) AS (JSON_UNQUOTE(JSON_EXTRACT(j, '$.name'))) VIRTUAL, KEY v (v));
INSERT INTO t (id, j) VALUES (1, '{"name": "x"}'), (2, NULL), (3, '{}');
