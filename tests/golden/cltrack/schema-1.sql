-- What the first nfsdcld left.
CREATE TABLE parameters (key TEXT PRIMARY KEY, value TEXT);
INSERT INTO parameters VALUES('version','1');
CREATE TABLE clients (id BLOB PRIMARY KEY, time INTEGER);
INSERT INTO clients VALUES(X'4c696e7578204e465376342e302061',1350000000);
INSERT INTO clients VALUES(X'00ff2722',0);
