-- nfsdcltrack's; one of nfsdcld is the same.
CREATE TABLE parameters (key TEXT PRIMARY KEY, value TEXT);
INSERT INTO parameters VALUES('version','2');
CREATE TABLE clients (id BLOB PRIMARY KEY, time INTEGER, has_session INTEGER);
INSERT INTO clients VALUES(X'4c696e7578204e465376342e302061',1350000000,1);
INSERT INTO clients VALUES(X'00ff2722',0,NULL);
