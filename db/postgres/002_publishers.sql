-- Who publishes, and until when he counts: publishers share the partitions by their number.
CREATE TABLE outbox_publishers (
	owner uuid PRIMARY KEY,
	alive_until int8 NOT NULL
);
