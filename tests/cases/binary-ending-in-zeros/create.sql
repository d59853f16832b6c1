-- gh-ost #909: the binlog leaves zeros at the end out
CREATE TABLE t (id INT PRIMARY KEY, a BINARY(4) NOT NULL, b BINARY(16), c VARBINARY(8), d BINARY(2));
INSERT INTO t VALUES (1, x'11223300', x'00', x'', x'00'), (2, x'', x'FF00000000000000000000000000FF00', x'0000', x'2000'), (3, x'20202020', NULL, NULL, NULL), (4, x'00000001', 'x ', x'2000', x'0020');
