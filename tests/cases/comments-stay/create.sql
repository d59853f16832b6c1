CREATE TABLE t (id INT PRIMARY KEY COMMENT 'the key; not a number', a INT COMMENT '100% ''of'' %s %d {0} \\ "x" `y`', b INT COMMENT 'é😀 注文\nsecond line', KEY a (a) COMMENT 'why it''s here 50%')
 COMMENT = 'AUTO_INCREMENT=5 ENGINE=MyISAM; 100 % `things` é😀 -- /* */';
INSERT INTO t (id) VALUES (1), (2), (5);
