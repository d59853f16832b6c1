INSERT INTO t SELECT id + 100, j FROM t;
UPDATE t SET j = JSON_SET(j, '$.a[0]', 2.0) WHERE id = 1;
UPDATE t SET j = 'null' WHERE id = 3;
UPDATE t SET j = NULL WHERE id = 2;
UPDATE t SET j = JSON_SET('{"x": 1.0}', '$.y', 1e0) WHERE id = 5;
