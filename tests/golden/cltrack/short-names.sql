-- Names without leading zeros: of both epochs, and of one long gone.
CREATE TABLE parameters (key TEXT PRIMARY KEY, value TEXT);
INSERT INTO parameters VALUES('version','4');
INSERT INTO parameters VALUES('first_time','0');
CREATE TABLE grace (current INTEGER , recovery INTEGER);
INSERT INTO grace VALUES(27,26);
CREATE TABLE "rec-1a" (id BLOB PRIMARY KEY, princhash BLOB);
INSERT INTO "rec-1a" VALUES(X'61',NULL);
INSERT INTO "rec-1a" VALUES(X'62',NULL);
CREATE TABLE "rec-1b" (id BLOB PRIMARY KEY, princhash BLOB);
INSERT INTO "rec-1b" VALUES(X'61',NULL);
CREATE TABLE "rec-000000000000001b" (id BLOB PRIMARY KEY, princhash BLOB);
INSERT INTO "rec-000000000000001b" VALUES(X'63',NULL);
CREATE TABLE "rec-7" (id BLOB PRIMARY KEY, princhash BLOB);
INSERT INTO "rec-7" VALUES(X'64',NULL);
