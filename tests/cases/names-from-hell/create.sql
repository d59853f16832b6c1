CREATE TABLE t (`select` INT PRIMARY KEY, `col%s ``x` INT, `größe_注文` INT, `semi;colon'and"q` VARCHAR(20),
  KEY `key %d` (`col%s ``x`), UNIQUE KEY `the ``only` (`größe_注文`, `select`));
INSERT INTO t VALUES (1, 1, 1, 'x'), (2, 2, 2, '%'), (3, 3, 3, NULL);
