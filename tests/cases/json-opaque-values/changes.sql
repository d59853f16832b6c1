INSERT INTO t (id, j) SELECT id + 100, j FROM t;
UPDATE t SET j = CAST(2.20 AS JSON) WHERE id = 5;
UPDATE t SET j = JSON_SET(j, '$[0]', 3.30, '$[4]', x'0000') WHERE id = 6;
