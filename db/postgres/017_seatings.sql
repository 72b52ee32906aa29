-- Events of which seats are written before they are put on sale, chunk by chunk: until the row goes, in the transaction that makes the sale, their
-- seats are nobody's.
CREATE TABLE seatings (
	event_id uuid PRIMARY KEY,
	version int8 NOT NULL, -- that the seats have, and the event that puts them on sale; 0: they are being deleted
	written int8 NOT NULL, -- seats, in the order of the layout
	epoch int8 NOT NULL, -- as in meta
	touched_at int8 NOT NULL -- when a chunk was written last, by the clock of the server
);
