CREATE TABLE t (id INT PRIMARY KEY, a INT, v VARCHAR(30), j JSON, KEY f ((a * 2)), KEY g ((LOWER(v)) DESC, a), KEY m ((CAST(j->'$.tags' AS UNSIGNED ARRAY))), KEY hidden (a) INVISIBLE);
INSERT INTO t VALUES (1, 1, 'Ab', '{"tags": [1, 2]}'), (2, NULL, NULL, NULL), (3, 3, '', '{"tags": []}');
