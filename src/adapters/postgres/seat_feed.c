/* seat_feed.c: the seat feed port, over the table that commits list their seats in.
 *
 * Transactions do not commit in the order of their numbers. So a cursor is a snapshot of the server: changes that it could not see are
 * new. The position is the snapshot's lower end, below which every transaction has ended. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/rows.h"
#include "base/list.h"
#include "ports/seat_feed.h"

/* 2 is held, 3 is reserved. */
#define DEADLINE \
	"CASE status WHEN 2 THEN (SELECT expires_at FROM holds WHERE hold_id = holder_id)" \
	" WHEN 3 THEN (SELECT pay_by FROM orders WHERE order_id = holder_id) ELSE 0 END"

enum {
	POLL,
	LOAD,
	FORGET,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	/* $1, $2: the position and the snapshot known; $3: the events; $4: the epoch that the caller has. The limit keeps the planner from
	 * reading all seats of an event for a few. */
	[POLL] = "WITH moment AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8 AS position, pg_current_snapshot()::text AS "
		 "token),"
		 " projections AS (SELECT 2 * (SELECT value FROM meta WHERE name = 'epoch')"
		 " + (SELECT value FROM meta WHERE name = 'replaying') AS epoch),"
		 " listed AS (SELECT f.event_id, p.position, max(f.committed_by) AS changed_at"
		 " FROM seat_changes f CROSS JOIN LATERAL unnest(f.seats) AS p (position) WHERE f.committed_by >= $1::int8"
		 " AND NOT pg_visible_in_snapshot(f.committed_by::text::xid8, $2::text::pg_snapshot) AND f.event_id = ANY ($3::uuid[])"
		 " AND (SELECT epoch FROM projections) = $4::int8 GROUP BY f.event_id, p.position)"
		 " SELECT moment.position, moment.token, projections.epoch, s.event_id, s.position, s.changed_at, s.status, s.version,"
		 " s.deadline FROM moment CROSS JOIN projections LEFT JOIN"
		 " (SELECT l.event_id, l.position, l.changed_at, n.status, n.version, n.deadline FROM listed l CROSS JOIN LATERAL"
		 " (SELECT status, version, " DEADLINE " AS deadline FROM seats"
		 " WHERE seats.event_id = l.event_id AND seats.position = l.position LIMIT 1) AS n) AS s ON true",
	[LOAD] = "SELECT sales.seat_count, s.seat, s.section, s.row_name, s.price, s.status, s.version, s.deadline FROM sales"
		 " LEFT JOIN LATERAL (SELECT position, seat, section, row_name, price, status, version, " DEADLINE " AS deadline"
		 " FROM seats WHERE event_id = $1::uuid AND position > $2::int8 AND position <= $3::int8 ORDER BY position) AS s ON true"
		 " WHERE sales.event_id = $1::uuid ORDER BY s.position",
	[FORGET] = "DELETE FROM seat_changes WHERE committed_by < $1::int8",
};

_Static_assert(SEAT_HELD == 2 && SEAT_RESERVED == 3, "DEADLINE says so");

struct postgres_seat_feed {
	struct seat_feed port;
	struct connection connection;
	struct parameters parameters; /* of the statement that is being sent */
};

static struct postgres_seat_feed *feed_of(struct seat_feed *port)
{
	assert(port != NULL);
	return container_of(port, struct postgres_seat_feed, port);
}

static enum store_result query(struct postgres_seat_feed *feed, uint32_t statement, PGresult **ret_answer)
{
	assert(statement < STATEMENT_COUNT && ret_answer != NULL);
	feed->connection.deadline_ns = feed->port.deadline_ns;
	enum store_result result = connection_query(&feed->connection, statement, &feed->parameters, ret_answer);
	parameters_clear(&feed->parameters);
	return result;
}

/* status, version, deadline from that column on. False: they cannot be right. */
static bool read_state(struct tuple tuple, int column, struct seat_state *ret_state)
{
	assert(ret_state != NULL);
	uint64_t status = field_uint(tuple, column);
	*ret_state = (struct seat_state){
		.status = (enum seat_status)status,
		.version = field_uint(tuple, column + 1),
		.deadline_ms = field_uint(tuple, column + 2),
	};
	return status >= SEAT_AVAILABLE && status <= SEAT_SOLD;
}

/* A snapshot of very many transactions is cut down to its lower end: seeing a change twice does no harm. */
static void read_cursor(struct tuple tuple, struct seat_feed_cursor *ret_cursor)
{
	assert(ret_cursor != NULL);
	struct slice token = field_text(tuple, 1);
	*ret_cursor = (struct seat_feed_cursor){.position = field_uint(tuple, 0), .epoch = field_uint(tuple, 2)};
	if (token.length < sizeof ret_cursor->token)
		memcpy(ret_cursor->token, token.data, token.length);
	else
		(void)snprintf(ret_cursor->token, sizeof ret_cursor->token, "%llu:%llu:", (unsigned long long)ret_cursor->position,
		               (unsigned long long)ret_cursor->position);
}

static bool read_changes(const PGresult *answer, struct arena *arena, struct seat_change_list *ret_list)
{
	assert(arena != NULL && ret_list != NULL);
	struct seat_change_list list = {.changes = arena_allocate_array(arena, (size_t)PQntuples(answer), sizeof *list.changes)};
	for (int row = 0; list.changes != NULL && row < PQntuples(answer); row++) {
		struct tuple tuple = {.answer = answer, .row = row};
		if (field_is_null(tuple, 3))
			continue;
		struct seat_change *change = &list.changes[list.count++];
		change->event_id = field_uuid(tuple, 3);
		change->position = field_uint(tuple, 4);
		change->changed_at = field_uint(tuple, 5);
		if (!read_state(tuple, 6, &change->state))
			return false;
	}
	*ret_list = list;
	return list.changes != NULL;
}

static enum store_result postgres_poll(struct seat_feed *port, const struct seat_feed_cursor *after, const struct uuid *event_ids,
                                       uint32_t count, struct arena *arena, struct seat_feed_cursor *ret_cursor,
                                       struct seat_change_list *ret_list)
{
	assert(event_ids != NULL || count == 0);
	assert(arena != NULL && ret_cursor != NULL && ret_list != NULL);
	struct postgres_seat_feed *feed = feed_of(port);
	struct parameters *parameters = &feed->parameters;
	static const struct uuid nobody;
	PGresult *answer;
	scalar_uint(parameters, 0, after == NULL ? INT64_MAX : after->position);
	scalar_bytes(parameters, 1, slice_of(after == NULL ? "1:1:" : after->token));
	for (uint32_t i = 0; i < count; i++)
		array_uuid(parameters, 2, &event_ids[i]);
	if (count == 0)
		array_uuid(parameters, 2, &nobody);
	scalar_uint(parameters, 3, after == NULL ? 0 : after->epoch);
	enum store_result result = query(feed, POLL, &answer);
	if (result != STORE_OK)
		return result;
	struct seat_feed_cursor cursor = {0};
	struct seat_change_list list;
	if (PQntuples(answer) > 0)
		read_cursor((struct tuple){.answer = answer}, &cursor);
	bool is_right = cursor.epoch > 0 && read_changes(answer, arena, &list);
	PQclear(answer);
	if (!is_right)
		return STORE_CORRUPT;
	*ret_cursor = cursor;
	*ret_list = list;
	return STORE_OK;
}

static bool read_entry(struct tuple tuple, struct arena *arena, struct seat_entry_full *entry)
{
	assert(arena != NULL && entry != NULL);
	entry->seat = field_copy(tuple, 1, arena);
	entry->section = field_copy(tuple, 2, arena);
	entry->row = field_copy(tuple, 3, arena);
	entry->price = field_int(tuple, 4);
	return entry->seat.data != NULL && entry->section.data != NULL && entry->row.data != NULL && read_state(tuple, 5, &entry->state);
}

static bool read_part(const PGresult *answer, struct arena *arena, struct seat_part *ret_part)
{
	assert(arena != NULL && ret_part != NULL);
	struct tuple first = {.answer = answer};
	bool has_event = PQntuples(answer) > 0, has_seats = has_event && !field_is_null(first, 1);
	struct seat_part part = {
		.seat_count = has_event ? (uint32_t)field_uint(first, 0) : 0,
		.first_position = 1,
		.count = has_seats ? (uint32_t)PQntuples(answer) : 0,
	};
	part.entries = arena_allocate_array(arena, part.count, sizeof *part.entries);
	for (uint32_t i = 0; part.entries != NULL && i < part.count; i++)
		if (!read_entry((struct tuple){.answer = answer, .row = (int)i}, arena, &part.entries[i]))
			return false;
	*ret_part = part;
	return part.entries != NULL;
}

static enum store_result postgres_load(struct seat_feed *port, const struct uuid *event_id, uint32_t skip, uint32_t limit,
                                       struct arena *arena, struct seat_part *ret_part)
{
	assert(event_id != NULL && arena != NULL && ret_part != NULL);
	struct postgres_seat_feed *feed = feed_of(port);
	PGresult *answer;
	scalar_uuid(&feed->parameters, 0, event_id);
	scalar_uint(&feed->parameters, 1, skip); /* positions have no gaps */
	scalar_uint(&feed->parameters, 2, (uint64_t)skip + limit);
	enum store_result result = query(feed, LOAD, &answer);
	if (result != STORE_OK)
		return result;
	bool is_right = read_part(answer, arena, ret_part);
	PQclear(answer);
	return is_right ? STORE_OK : STORE_CORRUPT;
}

static enum store_result postgres_forget(struct seat_feed *port, uint64_t position)
{
	assert(port != NULL);
	struct postgres_seat_feed *feed = feed_of(port);
	PGresult *answer;
	scalar_uint(&feed->parameters, 0, position);
	enum store_result result = query(feed, FORGET, &answer);
	if (result == STORE_OK)
		PQclear(answer);
	return result;
}

static void postgres_feed_free(struct seat_feed *port)
{
	assert(port != NULL);
	struct postgres_seat_feed *feed = feed_of(port);
	connection_release(&feed->connection);
	parameters_release(&feed->parameters);
	free(feed);
}

static const struct seat_feed_operations operations = {
	.poll = postgres_poll,
	.load = postgres_load,
	.forget = postgres_forget,
	.free = postgres_feed_free,
};

enum error postgres_seat_feed_open(const char *dsn, struct seat_feed **ret_feed, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(dsn != NULL && ret_feed != NULL);
	struct postgres_seat_feed *feed = calloc(1, sizeof *feed);
	if (feed == NULL)
		return ERR_NO_MEMORY;
	feed->port = (struct seat_feed){.operations = &operations};
	parameters_init(&feed->parameters);
	enum error error = connection_open(dsn, statements, STATEMENT_COUNT, &feed->connection, message);
	if (error != OK) {
		free(feed);
		return error;
	}
	*ret_feed = &feed->port;
	return OK;
}
