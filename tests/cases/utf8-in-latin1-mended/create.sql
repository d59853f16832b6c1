-- UTF-8 that was declared latin1: the first half of the usual way to mend it
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(40) CHARACTER SET latin1, x TEXT CHARACTER SET latin1);
SET NAMES latin1;
INSERT INTO t VALUES (1, 'früh ñ', '😀 注文'), (2, '', NULL), (3, 'plain', 'ß');
