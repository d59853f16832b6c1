-- Written where || joins texts
SET sql_mode = 'PIPES_AS_CONCAT,ANSI_QUOTES';
CREATE TABLE t (id INT PRIMARY KEY, "a b" VARCHAR(20), g VARCHAR(60) AS ("a b" || '%s' || 'é😀') STORED, CHECK ("a b" || 'x' <> 'yx'));
INSERT INTO t (id, "a b") VALUES (1, 'x'), (2, NULL);
