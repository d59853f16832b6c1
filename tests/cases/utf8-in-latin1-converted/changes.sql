SET NAMES latin1;
INSERT INTO t VALUES (4, 'spät');
UPDATE t SET v = 'größe' WHERE id = 2;
