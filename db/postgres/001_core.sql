-- The event store, its projections, the outbox and the catalog, in SQL that PostgreSQL and CockroachDB both take.
--
-- Times are milliseconds since 1970. A version is the 60-bit stamp of the domain event that last changed the row. Codes are the
-- enumerations of src/domain. Seat labels and transaction ids are the bytes of their text, so that every server and every locale has
-- them in one order; convert_from(seat, 'UTF8') shows them. The hashes of idempotency keys have the 16 bytes of a uuid, and are one.
--
-- Ids begin with the time. CockroachDB keeps rows in ranges by their keys and would write all new ones to the last range: it is told, in
-- comments that only it is shown, to spread them by a hash. Other keys begin with something that is spread by itself.

-- Appended only.
CREATE TABLE events (
	id uuid NOT NULL,
	stream_id uuid NOT NULL,
	sequence int8 NOT NULL,
	type int8 NOT NULL, -- enum event_type
	occurred_at int8 NOT NULL,
	actor text NOT NULL,
	trace bytea NOT NULL, -- trace id (16 bytes), span id (8), flags (1)
	idempotency_key uuid,
	fingerprint uuid,
	data text NOT NULL, -- JSON
	PRIMARY KEY (stream_id, sequence) /*crdb USING HASH*/
);
CREATE UNIQUE INDEX events_id ON events (id) /*crdb USING HASH*/;
CREATE UNIQUE INDEX events_key ON events (idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE sales (
	event_id uuid PRIMARY KEY,
	sequence int8 NOT NULL,
	status int8 NOT NULL, -- 1 on sale, 2 paused, 3 cancelled
	currency text NOT NULL,
	on_sale_from int8 NOT NULL,
	on_sale_until int8 NOT NULL,
	seat_count int8 NOT NULL,
	version int8 NOT NULL
);

-- No index has a column that changes, and half of each page is kept free: when one transaction takes all of its seats, they stay in it and no
-- index is written. holder_id is the nil UUID when there is none.
CREATE TABLE seats (
	event_id uuid NOT NULL,
	seat bytea NOT NULL,
	position int8 NOT NULL, -- 1, 2, 3 … in the order of the layout
	section text NOT NULL,
	row_name text NOT NULL,
	price int8 NOT NULL,
	status int8 NOT NULL, -- 1 available, 2 held, 3 reserved, 4 sold
	holder_id uuid NOT NULL,
	version int8 NOT NULL,
	PRIMARY KEY (event_id, seat)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX seats_position ON seats (event_id, position);

CREATE TABLE holds (
	hold_id uuid PRIMARY KEY /*crdb USING HASH*/,
	event_id uuid NOT NULL,
	user_id text NOT NULL,
	sequence int8 NOT NULL,
	status int8 NOT NULL, -- 1 active, 2 converted, 3 released, 4 expired
	created_at int8 NOT NULL,
	expires_at int8 NOT NULL,
	seats text NOT NULL, -- labels, each followed by a line feed
	version int8 NOT NULL
);
CREATE INDEX holds_due ON holds (expires_at, hold_id) /*crdb USING HASH*/ WHERE status = 1;

-- Items are read and written with their order and never asked for alone: one row instead of one for each.
CREATE TABLE orders (
	order_id uuid PRIMARY KEY /*crdb USING HASH*/,
	hold_id uuid NOT NULL,
	event_id uuid NOT NULL,
	user_id text NOT NULL,
	sequence int8 NOT NULL,
	status int8 NOT NULL, -- 1 pending, 2 confirmed, 3 failed, 4 expired, 5 cancelled
	payment_method int8 NOT NULL,
	currency text NOT NULL,
	total int8 NOT NULL,
	refund_required int8 NOT NULL, -- 0 or 1
	created_at int8 NOT NULL,
	pay_by int8 NOT NULL,
	items text NOT NULL, -- price, blank, label, line feed for each
	version int8 NOT NULL
);
CREATE INDEX orders_due ON orders (pay_by, order_id) /*crdb USING HASH*/ WHERE status = 1;

CREATE TABLE payments (
	transaction_id bytea PRIMARY KEY,
	order_id uuid NOT NULL,
	status int8 NOT NULL, -- 1 succeeded, 2 failed
	applied_by uuid NOT NULL, -- events.id
	version int8 NOT NULL
);

-- One row for each commit and partition. The id is that of the first event.
CREATE TABLE outbox (
	partition int8 NOT NULL,
	id uuid NOT NULL,
	events bytea NOT NULL, -- their ids, 16 bytes each
	PRIMARY KEY (partition, id)
);

CREATE TABLE outbox_partitions (
	partition int8 PRIMARY KEY,
	owner uuid NOT NULL,
	lease_until int8 NOT NULL -- 0: free
);
INSERT INTO outbox_partitions
SELECT n, '00000000-0000-0000-0000-000000000000'::uuid, 0 FROM generate_series(0, 15) AS numbers (n);

-- What people browse: made of the events' streams, for a reader of its own.
CREATE TABLE catalog (
	event_id uuid PRIMARY KEY,
	name text NOT NULL,
	venue text NOT NULL,
	description text NOT NULL,
	starts_at int8 NOT NULL,
	status int8 NOT NULL,
	currency text NOT NULL,
	on_sale_from int8 NOT NULL,
	on_sale_until int8 NOT NULL,
	seat_count int8 NOT NULL,
	created_at int8 NOT NULL,
	version int8 NOT NULL
);

-- replaying: 1 while the projections are being made again. pings: counted up to see whether writing works.
CREATE TABLE meta (
	name text PRIMARY KEY,
	value int8 NOT NULL
);
INSERT INTO meta VALUES ('replaying', 0), ('pings', 0);
