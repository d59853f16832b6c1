SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00';
INSERT INTO t SELECT id + 10, day, at, ts FROM t;
UPDATE t SET day = '2015-02-31', at = '0000-00-01', ts = '1970-01-01 00:00:01' WHERE id IN (1, 4);
