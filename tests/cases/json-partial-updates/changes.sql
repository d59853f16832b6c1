SET binlog_row_value_options = 'PARTIAL_JSON';
UPDATE t SET j = JSON_SET(j, '$.b', 2.5, '$.a', 'short') WHERE id = 1;
UPDATE t SET j = JSON_REMOVE(j, '$.a'), k = JSON_ARRAY(9) WHERE id = 2;
UPDATE t SET j = JSON_REPLACE(j, '$.c[1]', 'two') WHERE id = 1;
