-- Who publishes, and until when he counts: publishers share the partitions by their number.
CREATE TABLE outbox_publishers (
	owner BLOB PRIMARY KEY,
	alive_until INTEGER NOT NULL
) WITHOUT ROWID;
