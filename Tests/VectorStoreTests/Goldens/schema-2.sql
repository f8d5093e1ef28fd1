PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO grdb_migrations VALUES('1: collections of points');
INSERT INTO grdb_migrations VALUES('2: keywords as bytes');
CREATE TABLE collections (
    collection INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    distance TEXT NOT NULL,
    -- The number of the last operation on its points.
    operation INTEGER NOT NULL DEFAULT 0
);
INSERT INTO collections VALUES(1,'c',4,'Dot',5);
INSERT INTO collections VALUES(2,'empty',3,'Cosine',0);
CREATE TABLE points (
    collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
    slot INTEGER NOT NULL,
    -- PointID.key: its byte order is the order of ids.
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    -- 32-bit floats, little-endian.
    vector BLOB NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (collection, slot)
);
INSERT INTO points VALUES(1,0,X'000000000000000001',3,X'0000803f000080bf0000003f0000003e','{"n":1,"text":"line 1\n\"quoted\" é\u0000end","nested":{"list":[1,null,1.5],"is":false},"k":"green"}');
INSERT INTO points VALUES(1,1,X'000000000000000002',3,X'00000040000000000000803f0000003e','{"n":2,"text":"line 2\n\"quoted\" é\u0000end","nested":{"list":[2,null,1.5],"is":true},"k":"blé"}');
INSERT INTO points VALUES(1,3,X'0100000000000040008000100000000004',3,X'00008040000000400000003f0000003e','{"n":4,"text":"line 4\n\"quoted\" é\u0000end","nested":{"list":[4,null,1.5],"is":true},"k":"green"}');
INSERT INTO points VALUES(1,5,X'000000000000000006',3,X'0000c040000080bf000000000000003e','{"n":6,"text":"line 6\n\"quoted\" é\u0000end","nested":{"list":[6,null,1.5],"is":true},"k":"red"}');
INSERT INTO points VALUES(1,6,X'000000000000000007',3,X'0000e040000000000000003f0000003e','{"n":7,"text":"line 7\n\"quoted\" é\u0000end","nested":{"list":[7,null,1.5],"is":false}}');
INSERT INTO points VALUES(1,7,X'0100000000000040008000100000000008',3,X'000000410000803f0000803f0000003e','{"n":8,"text":"line 8\n\"quoted\" é\u0000end","nested":{"list":[8,null,1.5],"is":true},"k":"blé"}');
INSERT INTO points VALUES(1,8,X'000000000000000009',3,X'0000104100000040000000000000003e','{"n":9,"text":"line 9\n\"quoted\" é\u0000end","nested":{"list":[9,null,1.5],"is":false},"k":"red"}');
INSERT INTO points VALUES(1,9,X'00000000000000000a',3,X'00002041000000c00000003f0000003e','{"n":10,"text":"line 10\n\"quoted\" é\u0000end","nested":{"list":[10,null,1.5],"is":true},"k":"green"}');
INSERT INTO points VALUES(1,10,X'00000000000000000b',3,X'00003041000080bf0000803f0000003e','{"n":11,"text":"line 11\n\"quoted\" é\u0000end","nested":{"list":[11,null,1.5],"is":false},"k":["red","blue"]}');
INSERT INTO points VALUES(1,12,X'00000000000000000d',3,X'000050410000803f0000003f0000003e','{"n":13,"text":"line 13\n\"quoted\" é\u0000end","nested":{"list":[13,null,1.5],"is":false},"k":"green"}');
INSERT INTO points VALUES(1,13,X'00000000000000000e',3,X'00006041000000400000803f0000003e','{"n":14,"text":"line 14\n\"quoted\" é\u0000end","nested":{"list":[14,null,1.5],"is":true}}');
INSERT INTO points VALUES(1,14,X'00000000000000000f',3,X'00007041000000c0000000000000003e','{"n":15,"text":"line 15\n\"quoted\" é\u0000end","nested":{"list":[15,null,1.5],"is":false},"k":"red"}');
INSERT INTO points VALUES(1,15,X'0100000000000040008000100000000016',3,X'00008041000080bf0000003f0000003e','{"n":16,"text":"line 16\n\"quoted\" é\u0000end","nested":{"list":[16,null,1.5],"is":true},"k":"green"}');
INSERT INTO points VALUES(1,16,X'000000000000000011',3,X'00008841000000000000803f0000003e','{"n":17,"text":"line 17\n\"quoted\" é\u0000end","nested":{"list":[17,null,1.5],"is":false},"k":"blé"}');
INSERT INTO points VALUES(1,17,X'000000000000000012',3,X'000090410000803f000000000000003e','{"n":18,"text":"line 18\n\"quoted\" é\u0000end","nested":{"list":[18,null,1.5],"is":true},"k":"red"}');
INSERT INTO points VALUES(1,18,X'000000000000000013',3,X'00009841000000400000003f0000003e','{"n":19,"text":"line 19\n\"quoted\" é\u0000end","nested":{"list":[19,null,1.5],"is":false},"k":"green"}');
INSERT INTO points VALUES(1,19,X'0100000000000040008000100000000020',3,X'0000a041000000c00000803f0000003e','{"n":20,"text":"line 20\n\"quoted\" é\u0000end","nested":{"list":[20,null,1.5],"is":true},"k":"blé"}');
INSERT INTO points VALUES(1,20,X'000000000000000015',3,X'0000a841000080bf000000000000003e','{"n":21,"text":"line 21\n\"quoted\" é\u0000end","nested":{"list":[21,null,1.5],"is":false}}');
INSERT INTO points VALUES(1,21,X'000000000000000016',3,X'0000b041000000000000003f0000003e','{"n":22,"text":"line 22\n\"quoted\" é\u0000end","nested":{"list":[22,null,1.5],"is":true},"k":["red","blue"]}');
INSERT INTO points VALUES(1,22,X'000000000000000017',3,X'0000b8410000803f0000803f0000003e','{"n":23,"text":"line 23\n\"quoted\" é\u0000end","nested":{"list":[23,null,1.5],"is":false},"k":"blé"}');
INSERT INTO points VALUES(1,23,X'0100000000000040008000100000000024',3,X'0000c04100000040000000000000003e','{"n":24,"text":"line 24\n\"quoted\" é\u0000end","nested":{"list":[24,null,1.5],"is":true},"k":"red"}');
INSERT INTO points VALUES(1,11,X'000000000000000019',5,X'0000c841000000c00000003f0000003e','{"n":25,"text":"line 25\n\"quoted\" é\u0000end","nested":{"list":[25,null,1.5],"is":false},"k":"green"}');
INSERT INTO points VALUES(1,2,X'000000000000000003',5,X'000040400000803f000000000000003e','{"n":3,"text":"line 3\n\"quoted\" é\u0000end","nested":{"list":[3,null,1.5],"is":false},"k":"red","again":true}');
CREATE TABLE payload_indexes (
    field INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    UNIQUE (collection, name)
);
INSERT INTO payload_indexes VALUES(1,1,'k','keyword');
INSERT INTO payload_indexes VALUES(2,1,'n','integer');
CREATE TABLE payload_entries (
    field INTEGER NOT NULL REFERENCES payload_indexes ON DELETE CASCADE,
    value NOT NULL,
    slot INTEGER NOT NULL,
    PRIMARY KEY (field, value, slot)
) WITHOUT ROWID;
INSERT INTO payload_entries VALUES(1,X'677265656e',0);
INSERT INTO payload_entries VALUES(1,X'626cc3a9',1);
INSERT INTO payload_entries VALUES(1,X'726564',2);
INSERT INTO payload_entries VALUES(1,X'677265656e',3);
INSERT INTO payload_entries VALUES(1,X'726564',5);
INSERT INTO payload_entries VALUES(1,X'626cc3a9',7);
INSERT INTO payload_entries VALUES(1,X'726564',8);
INSERT INTO payload_entries VALUES(1,X'677265656e',9);
INSERT INTO payload_entries VALUES(1,X'626c7565',10);
INSERT INTO payload_entries VALUES(1,X'726564',10);
INSERT INTO payload_entries VALUES(1,X'677265656e',11);
INSERT INTO payload_entries VALUES(1,X'677265656e',12);
INSERT INTO payload_entries VALUES(1,X'726564',14);
INSERT INTO payload_entries VALUES(1,X'677265656e',15);
INSERT INTO payload_entries VALUES(1,X'626cc3a9',16);
INSERT INTO payload_entries VALUES(1,X'726564',17);
INSERT INTO payload_entries VALUES(1,X'677265656e',18);
INSERT INTO payload_entries VALUES(1,X'626cc3a9',19);
INSERT INTO payload_entries VALUES(1,X'626c7565',21);
INSERT INTO payload_entries VALUES(1,X'726564',21);
INSERT INTO payload_entries VALUES(1,X'626cc3a9',22);
INSERT INTO payload_entries VALUES(1,X'726564',23);
INSERT INTO payload_entries VALUES(2,1,0);
INSERT INTO payload_entries VALUES(2,2,1);
INSERT INTO payload_entries VALUES(2,3,2);
INSERT INTO payload_entries VALUES(2,4,3);
INSERT INTO payload_entries VALUES(2,6,5);
INSERT INTO payload_entries VALUES(2,7,6);
INSERT INTO payload_entries VALUES(2,8,7);
INSERT INTO payload_entries VALUES(2,9,8);
INSERT INTO payload_entries VALUES(2,10,9);
INSERT INTO payload_entries VALUES(2,11,10);
INSERT INTO payload_entries VALUES(2,25,11);
INSERT INTO payload_entries VALUES(2,13,12);
INSERT INTO payload_entries VALUES(2,14,13);
INSERT INTO payload_entries VALUES(2,15,14);
INSERT INTO payload_entries VALUES(2,16,15);
INSERT INTO payload_entries VALUES(2,17,16);
INSERT INTO payload_entries VALUES(2,18,17);
INSERT INTO payload_entries VALUES(2,19,18);
INSERT INTO payload_entries VALUES(2,20,19);
INSERT INTO payload_entries VALUES(2,21,20);
INSERT INTO payload_entries VALUES(2,22,21);
INSERT INTO payload_entries VALUES(2,23,22);
INSERT INTO payload_entries VALUES(2,24,23);
CREATE UNIQUE INDEX points_by_id ON points (collection, id);
CREATE INDEX payload_entries_by_slot ON payload_entries (field, slot);
COMMIT;
