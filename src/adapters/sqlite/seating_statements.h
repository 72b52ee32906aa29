/* seating_statements.h: the statements of seatings (ports/seating.h). Private to the SQLite adapter. */
#pragma once

#define SEATING_STATEMENTS(X) \
	X(SELECT_EPOCH, "SELECT value FROM meta WHERE name = 'epoch'") \
	/* Behind the seats that are there and those that are reserved. */ \
	X(SELECT_NEXT_SEAT, "SELECT max(coalesce((SELECT max(position) FROM seats), 0), coalesce((SELECT max(first_seat + seat_count - " \
	                    "1) FROM seatings), 0)) + 1") \
	X(FIND_SEATING, "SELECT version, first_seat, touched_at FROM seatings WHERE event_id = ?") \
	X(INSERT_SEATING, \
	  "INSERT INTO seatings (event_id, version, first_seat, seat_count, epoch, touched_at, written) VALUES (?, ?, ?, ?, ?, ?, 0)") \
	X(ADVANCE_SEATING, \
	  "UPDATE seatings SET written = written + ?4, touched_at = ?5 WHERE event_id = ?1 AND version = ?2 AND written = ?3" \
	  " AND epoch = (SELECT value FROM meta WHERE name = 'epoch')") \
	X(END_SEATING, "DELETE FROM seatings WHERE event_id = ?1 AND version = ?2 AND seat_count = ?3 AND written = ?3" \
	               " AND epoch = (SELECT value FROM meta WHERE name = 'epoch')") \
	X(FIND_LEFT, "SELECT event_id FROM seatings WHERE version = 0 OR touched_at < ? LIMIT 1") \
	/* ?4: the number of seats that it loses. */ \
	X(GIVE_UP_SEATING, "UPDATE seatings SET version = 0, written = max(written - ?4, 0) WHERE event_id = ?1 AND (version IN (0, ?2) " \
	                   "OR touched_at < ?3)") \
	X(CLEAR_SEATS, "DELETE FROM seats WHERE position IN (SELECT seats.position FROM seatings AS g JOIN seats" \
	               " ON seats.position >= g.first_seat + g.written AND seats.position < g.first_seat + g.seat_count" \
	               " WHERE g.event_id = ?1 AND seats.event_id = ?1) AND NOT EXISTS (SELECT 1 FROM sales WHERE event_id = ?1)") \
	X(DELETE_SEATING, "DELETE FROM seatings WHERE event_id = ? AND version = 0 AND written = 0")
