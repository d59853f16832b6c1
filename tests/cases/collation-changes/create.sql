CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) COLLATE utf8mb4_general_ci, b VARCHAR(20) CHARACTER SET latin1, KEY (a)) CHARACTER SET utf8mb4;
INSERT INTO t VALUES (1, 'A', 'É'), (2, 'a', 'e'), (3, 'ä ', ''), (4, NULL, NULL);
