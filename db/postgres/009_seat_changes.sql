-- Seats that a commit has changed, for processes that keep maps of them in memory: a row for each event of a commit, with the positions.
--
-- committed_by is the number of the transaction. Whoever remembers a snapshot of the server can tell from it which rows came to light after that
-- snapshot, in whatever order transactions commit. Rows are deleted a minute after they were written. CockroachDB has no such numbers, and no
-- maps in memory.
CREATE TABLE seat_changes (
	committed_by int8 NOT NULL DEFAULT /*crdb 0, -- */ (pg_current_xact_id()::text::int8),
	event_id uuid NOT NULL,
	seats int8[] NOT NULL
);
CREATE INDEX seat_changes_order ON seat_changes (committed_by);
