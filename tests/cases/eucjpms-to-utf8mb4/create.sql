CREATE TABLE t (id INT PRIMARY KEY, c CHAR(9) CHARACTER SET eucjpms, v VARCHAR(20) CHARACTER SET eucjpms, x TEXT CHARACTER SET eucjpms, stays VARCHAR(20) CHARACTER SET eucjpms);
INSERT INTO t VALUES (1, x'A4B3A4F3', x'8FB0A1', x'A4B3A4F3', x'A4B3A4F3'), (2, '', '', '', ''), (3, NULL, NULL, NULL, NULL), (4, 'a', 'a ', '%s', ' b ');
