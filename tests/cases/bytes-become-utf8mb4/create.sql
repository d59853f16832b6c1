-- The second half of mending UTF-8 that was declared latin1
CREATE TABLE t (id INT PRIMARY KEY, v VARBINARY(40), x BLOB);
INSERT INTO t VALUES (1, 'früh', '😀'), (2, '', NULL), (3, x'00', x'C3A4');
