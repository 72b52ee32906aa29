-- What a later version of the program might add: the tests build it (tests/CMakeLists.txt).
ALTER TABLE holds ADD COLUMN note TEXT;
ALTER TABLE keys ADD COLUMN note TEXT;
ALTER TABLE seat_changes ADD COLUMN note TEXT;
ALTER TABLE outbox ADD COLUMN note TEXT;
CREATE TABLE notes (id BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
