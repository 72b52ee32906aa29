-- Seats that a commit has changed, for the process that keeps maps of them in memory: a row for each event of a commit. Rows are deleted a minute
-- after they were written.
CREATE TABLE seat_changes (
	position INTEGER NOT NULL, -- of the commit's first event
	part INTEGER NOT NULL, -- 0, 1, 2 … within the commit
	event_id BLOB NOT NULL,
	seats TEXT NOT NULL, -- labels, each followed by a line feed
	PRIMARY KEY (position, part)
) WITHOUT ROWID;

-- The epoch of the projections: a replay raises it.
INSERT INTO meta VALUES ('epoch', 1);
