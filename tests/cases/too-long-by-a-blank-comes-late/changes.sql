INSERT INTO t VALUES (2, 'blank ', 0);
