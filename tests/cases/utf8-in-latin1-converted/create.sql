-- UTF-8 that was declared latin1, converted: encoded twice, as natively
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(40) CHARACTER SET latin1);
SET NAMES latin1;
INSERT INTO t VALUES (1, 'früh ñ'), (2, ''), (3, '😀');
