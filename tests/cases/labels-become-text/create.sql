-- gh-ost #1056
CREATE TABLE t (id INT PRIMARY KEY, kind ENUM('new', 'paid', 'é') CHARACTER SET latin1 NOT NULL, flags SET('x', 'y', 'z'));
INSERT INTO t VALUES (1, 'new', 'x,z'), (2, 'paid', ''), (3, 'é', NULL), (4, 'paid', 'y');
