INSERT INTO t SELECT id + 10, g, p, l FROM t;
UPDATE t SET g = ST_GeomFromText('POINT(9 9)'), l = ST_GeomFromText('LINESTRING(1 2, 3 4, 5 6)') WHERE id = 1;
DELETE FROM t WHERE id = 12;
