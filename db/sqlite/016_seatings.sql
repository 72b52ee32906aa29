-- Events of which seats are written before they are put on sale, chunk by chunk: until the row goes, in the transaction that makes the sale, their
-- seats are nobody's.
CREATE TABLE seatings (
	event_id BLOB PRIMARY KEY,
	version INTEGER NOT NULL, -- that the seats have, and the event that puts them on sale; 0: they are being deleted
	first_seat INTEGER NOT NULL, -- seats.position of the first, as in sales; as many as seat_count are reserved
	seat_count INTEGER NOT NULL,
	written INTEGER NOT NULL, -- of them, in the order of the layout
	epoch INTEGER NOT NULL, -- as in meta
	touched_at INTEGER NOT NULL -- when a chunk was written last
) WITHOUT ROWID;
