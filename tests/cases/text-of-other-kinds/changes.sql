INSERT INTO t VALUES (4, ' ', 'é', ' 😀 ');
UPDATE t SET a = 'ä  ', c = REPEAT('ß', 100) WHERE id = 3;
