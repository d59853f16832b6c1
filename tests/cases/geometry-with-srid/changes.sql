INSERT INTO t (id, p) VALUES (3, ST_GeomFromText('POINT(0 0)', 4326));
UPDATE t SET p = ST_GeomFromText('POINT(9 9)', 4326) WHERE id = 1;
