/* seating_statements.h: the statements of seatings (ports/seating.h). Private to the PostgreSQL adapter. */
#pragma once

#define SEATING_NOW "(extract(epoch FROM clock_timestamp()) * 1000)::int8"
#define SEATING_GUARD(name) "SELECT 1 / (CASE WHEN count(*) = 1 THEN 1 ELSE 0 END) FROM " name

/* A chunk is committed by itself and looks at no more than rows that it locks: it needs no order among all transactions, and so makes no
 * other that has one fail. */
#define SEATING_STATEMENTS(X) \
	X(BEGIN_SEATS, "BEGIN ISOLATION LEVEL READ COMMITTED") \
	/* A crash of the server that loses chunks loses the changes of their row, too: the commit that makes the sale syncs them all. */ \
	X(SYNC_LATER, "SET LOCAL synchronous_commit = off") \
	/* $1 to $3: the event, a key, and for how many milliseconds nothing was written of a seating that was left */ \
	X(FIND_SEATING, \
	  "SELECT (SELECT count(*) FROM sales WHERE event_id = $1::uuid)" \
	  " + (SELECT count(*) FROM events WHERE idempotency_key = $2::uuid AND idempotency_key IS NOT NULL)," \
	  " (SELECT version FROM seatings WHERE event_id = $1::uuid), (SELECT written FROM seatings WHERE event_id = $1::uuid)," \
	  " (SELECT count(*) FROM seatings WHERE event_id = $1::uuid AND (version = 0 OR touched_at < " SEATING_NOW " - $3::int8))," \
	  " (SELECT value FROM meta WHERE name = 'epoch')") \
	/* µs; the network between a chunk and its server keeps nobody waiting. */ \
	X(SELECT_TOOK, "SELECT (extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000000)::int8") \
	X(INSERT_SEATING, "INSERT INTO seatings (event_id, version, written, epoch, touched_at)" \
	                  " VALUES ($1::uuid, $2::int8, 0, $3::int8, " SEATING_NOW ")") \
	/* $1 to $5: the event, the version, the epoch, how many are written and how many more will be */ \
	X(ADVANCE_SEATING, "WITH advanced AS (UPDATE seatings SET written = written + $5::int8, touched_at = " SEATING_NOW \
	                   " WHERE event_id = $1::uuid AND version = $2::int8 AND epoch = $3::int8 AND written = $4::int8 RETURNING 1)" \
	                   " " SEATING_GUARD("advanced")) \
	/* $1 to $3: the event, the version and how many seats it has */ \
	X(END_SEATING, "WITH ended AS (DELETE FROM seatings WHERE event_id = $1::uuid AND version = $2::int8 AND written = $3::int8" \
	               " AND epoch = (SELECT value FROM meta WHERE name = 'epoch') RETURNING 1) " SEATING_GUARD("ended")) \
	X(FIND_LEFT, "SELECT event_id FROM seatings WHERE version = 0 OR touched_at < " SEATING_NOW " - $1::int8 LIMIT 1") \
	/* $1 to $4: the event, the version of the caller's own, for how many milliseconds nothing was written of others that were left, and
	 * how many seats less it will have. */ \
	X(GIVE_UP_SEATING, \
	  "WITH given_up AS (UPDATE seatings SET version = 0, written = CASE WHEN written > $4::int8 THEN written - $4::int8 ELSE 0 END, " \
	  "touched_at = " SEATING_NOW " WHERE event_id = $1::uuid AND (version IN (0, $2::int8) OR touched_at < " SEATING_NOW \
	  " - $3::int8) RETURNING written)" \
	  " SELECT 1 / (CASE WHEN count(*) = 1 THEN 1 ELSE 0 END), max(written) FROM given_up") \
	X(CLEAR_SEATS, \
	  "DELETE FROM seats WHERE event_id = $1::uuid AND position > (SELECT written FROM seatings WHERE event_id = $1::uuid)" \
	  " AND NOT EXISTS (SELECT 1 FROM sales WHERE event_id = $1::uuid)") \
	X(DELETE_SEATING, "DELETE FROM seatings WHERE event_id = $1::uuid AND version = 0 AND written = 0")
