UPDATE t SET j = '{"name": "é"}' WHERE id = 3;
INSERT INTO t (id, j) VALUES (4, '{"name": "😀"}');
