-- The event store, its projections, the outbox and the catalog.
--
-- Ids are the 16 bytes of the UUID. Times are milliseconds since 1970. A version is the 60-bit stamp of the domain event that last changed
-- the row. Codes are the enumerations of src/domain unless it says otherwise. Tables whose key is random or is looked up on its own are
-- WITHOUT ROWID: one tree to descend instead of two.

-- Appended only. The position is the order of commits: whoever finds a greater one than the last he wrote knows that somebody else has written.
CREATE TABLE events (
	position INTEGER PRIMARY KEY,
	id BLOB NOT NULL,
	stream_id BLOB NOT NULL,
	sequence INTEGER NOT NULL,
	type INTEGER NOT NULL, -- enum event_type
	occurred_at INTEGER NOT NULL,
	actor TEXT NOT NULL,
	trace BLOB NOT NULL, -- trace id (16 bytes), span id (8), flags (1)
	idempotency_key BLOB,
	fingerprint BLOB,
	data TEXT NOT NULL -- JSON
);
CREATE UNIQUE INDEX events_id ON events (id);
CREATE UNIQUE INDEX events_stream ON events (stream_id, sequence);

-- Which event has a key. An index on the events would write a page for nearly every key, since keys are random: here they are moved to in
-- ranges, from the memory of a store, which reads the keys of the events past meta.keys_position itself (src/adapters/sqlite/key_index.h).
CREATE TABLE keys (
	idempotency_key BLOB PRIMARY KEY,
	position INTEGER NOT NULL -- of the event
) WITHOUT ROWID;

CREATE TABLE sales (
	event_id BLOB PRIMARY KEY,
	sequence INTEGER NOT NULL,
	status INTEGER NOT NULL, -- 1 on sale, 2 paused, 3 cancelled
	currency TEXT NOT NULL,
	on_sale_from INTEGER NOT NULL,
	on_sale_until INTEGER NOT NULL,
	seat_count INTEGER NOT NULL,
	first_seat INTEGER NOT NULL, -- seats.position of the first; the others follow it without a gap, in the order of the layout
	version INTEGER NOT NULL
) WITHOUT ROWID;

-- A row keeps its length for life, so that a change overwrites it in its page: status is enum seat_status plus one, because SQLite stores
-- a 1 in no byte and a 2 in one; holder_id is the nil UUID when there is none.
CREATE TABLE seats (
	position INTEGER PRIMARY KEY,
	event_id BLOB NOT NULL,
	seat TEXT NOT NULL,
	section TEXT NOT NULL,
	row TEXT NOT NULL,
	price INTEGER NOT NULL,
	status INTEGER NOT NULL, -- 2 available, 3 held, 4 reserved, 5 sold
	holder_id BLOB NOT NULL,
	version INTEGER NOT NULL
);
CREATE UNIQUE INDEX seats_name ON seats (event_id, seat);

CREATE TABLE holds (
	hold_id BLOB PRIMARY KEY,
	event_id BLOB NOT NULL,
	user TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	status INTEGER NOT NULL, -- 1 active, 2 converted, 3 released, 4 expired
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	seats TEXT NOT NULL, -- labels, each followed by a line feed
	version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX holds_due ON holds (expires_at) WHERE status = 1;

-- Items are read and written with their order and never asked for alone: one row instead of one for each.
CREATE TABLE orders (
	order_id BLOB PRIMARY KEY,
	hold_id BLOB NOT NULL,
	event_id BLOB NOT NULL,
	user TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	status INTEGER NOT NULL, -- 1 pending, 2 confirmed, 3 failed, 4 expired, 5 cancelled
	payment_method INTEGER NOT NULL,
	currency TEXT NOT NULL,
	total INTEGER NOT NULL,
	refund_required INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	pay_by INTEGER NOT NULL,
	items TEXT NOT NULL, -- price, blank, label, line feed for each
	version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX orders_due ON orders (pay_by) WHERE status = 1;

CREATE TABLE payments (
	transaction_id TEXT PRIMARY KEY,
	order_id BLOB NOT NULL,
	status INTEGER NOT NULL, -- 1 succeeded, 2 failed
	applied_by BLOB NOT NULL, -- events.id
	version INTEGER NOT NULL
) WITHOUT ROWID;

-- One row for each commit and partition. The id is that of the first event.
CREATE TABLE outbox (
	position INTEGER PRIMARY KEY,
	partition INTEGER NOT NULL,
	id BLOB NOT NULL,
	events BLOB NOT NULL -- their positions, 8 bytes each, little-endian
);
CREATE UNIQUE INDEX outbox_order ON outbox (partition, id);

CREATE TABLE outbox_partitions (
	partition INTEGER PRIMARY KEY,
	owner BLOB NOT NULL,
	lease_until INTEGER NOT NULL -- 0: free
);
INSERT INTO outbox_partitions
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 15)
SELECT n, zeroblob(16), 0 FROM numbers;

-- What people browse: made of the events' streams, for a reader of its own.
CREATE TABLE catalog (
	event_id BLOB PRIMARY KEY,
	name TEXT NOT NULL,
	venue TEXT NOT NULL,
	description TEXT NOT NULL,
	starts_at INTEGER NOT NULL,
	status INTEGER NOT NULL,
	currency TEXT NOT NULL,
	on_sale_from INTEGER NOT NULL,
	on_sale_until INTEGER NOT NULL,
	seat_count INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	version INTEGER NOT NULL
) WITHOUT ROWID;

-- replaying: 1 while the projections are being made again. keys_position: the keys of all events up to it are in `keys`.
-- pings: counted up to see whether writing works.
CREATE TABLE meta (
	name TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES ('replaying', 0), ('keys_position', 0), ('pings', 0);
