-- What a later version of the program might add: the tests build it (tests/CMakeLists.txt).
ALTER TABLE holds ADD COLUMN note text;
ALTER TABLE seats ADD COLUMN note text;
ALTER TABLE events ADD COLUMN note text NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN note text;
CREATE TABLE notes (id uuid PRIMARY KEY, text text NOT NULL);
