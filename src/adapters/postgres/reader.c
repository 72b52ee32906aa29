/* reader.c: the reader port, but for list_due, scan, read_all, and what has to do with refunds. Each call is one statement, or part of the
 * snapshot's transaction. */
#include "adapters/postgres/reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "domain/limits.h"

#define LOOK_ANSWER_MS 310000 /* longer than a statement of a session that looks may take */

#define FROM_IDS " FROM unnest($1::uuid[]) WITH ORDINALITY AS d (key, number) JOIN "

/* A seat's status at `now`: 1 is available, 2 is held, 3 is reserved, and one whose hold or order has lapsed is available. While a hold has
 * seats it is active, and asking for that too would invite the index of what is due. */
#define STATUS_AT(now) \
	"CASE WHEN status = 2 AND (SELECT h.expires_at FROM holds h WHERE h.hold_id = holder_id) <= " now " THEN 1" \
	" WHEN status = 3 AND (SELECT o.pay_by FROM orders o WHERE o.order_id = holder_id) <= " now " THEN 1 ELSE status END"

static const char *const statements[READER_STATEMENT_COUNT] = {
	[BEGIN_SNAPSHOT] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	[FIND_SALE] = "SELECT " SALE_COLUMNS ", d.number" FROM_IDS "sales ON event_id = d.key",
	[FIND_HOLD] = "SELECT " HOLD_COLUMNS ", d.number" FROM_IDS "holds ON hold_id = d.key",
	[FIND_ORDER] = "SELECT " ORDER_COLUMNS ", d.number" FROM_IDS "orders ON order_id = d.key",
	[FIND_REFUND] = "SELECT " REFUND_COLUMNS ", d.number" FROM_IDS "refunds ON refund_id = d.key",
	[LIST_HISTORY] = "SELECT " EVENT_COLUMNS " FROM events WHERE stream_id = $1::uuid AND sequence > $2::int8"
			 " ORDER BY sequence LIMIT $3::int8",
	[LIST_EVENTS] = "SELECT " EVENT_COLUMNS " FROM events WHERE id > $1::uuid ORDER BY id LIMIT $2::int8",
	/* Of the seats in the window those that match, beside how many the event has. */
	[LIST_SEATS] = "SELECT s.position, s.seat, s.section, s.row_name, s.price, s.status, s.version, seat_count FROM sales"
		       " LEFT JOIN LATERAL (SELECT w.position, w.seat, w.section, w.row_name, w.price, w.status, w.version FROM ("
		       "SELECT position, seat, section, row_name, price, version, " STATUS_AT(
			       "$4::int8") " AS status"
					   " FROM seats WHERE event_id = $1::uuid AND position > $2::int8 AND position <= $3::int8) AS w"
					   " WHERE $5::int8 IN (0, w.status) ORDER BY w.position LIMIT $6::int8) AS s ON true"
					   " WHERE sales.event_id = $1::uuid ORDER BY s.position",
	[COUNT_SEATS] = "SELECT section, count(*), count(CASE WHEN status = 1 THEN 1 END),"
			" coalesce(min(CASE WHEN status = 1 THEN price END), 0) FROM ("
			"SELECT section, position, price, " STATUS_AT("$2::int8") " AS status FROM seats WHERE event_id = $1::uuid) AS s"
										  " GROUP BY section ORDER BY min(position)",
	/* 2 is a hold, 3 an order; the first that is not due yet beside $2 of each that are. */
	[LIST_DUE] = "(SELECT 2::int8 AS kind, hold_id AS id, expires_at AS deadline FROM holds"
		     " WHERE status = 1 AND expires_at <= $1::int8 ORDER BY expires_at, hold_id LIMIT $2::int8)"
		     " UNION ALL (SELECT 2::int8, hold_id, expires_at FROM holds"
		     " WHERE status = 1 AND expires_at > $1::int8 ORDER BY expires_at, hold_id LIMIT 1)"
		     " UNION ALL (SELECT 3::int8, order_id, pay_by FROM orders"
		     " WHERE status = 1 AND pay_by <= $1::int8 ORDER BY pay_by, order_id LIMIT $2::int8)"
		     " UNION ALL (SELECT 3::int8, order_id, pay_by FROM orders"
		     " WHERE status = 1 AND pay_by > $1::int8 ORDER BY pay_by, order_id LIMIT 1) ORDER BY deadline, id",
	[SCAN_SALES] = "SELECT " SALE_COLUMNS " FROM sales WHERE event_id > $1::uuid ORDER BY event_id LIMIT $2::int8",
	[SCAN_SEATS] = "SELECT " SEAT_COLUMNS " FROM seats WHERE (event_id, seat) > ($1::uuid, $2::bytea)"
		       " AND event_id NOT IN (SELECT s.event_id FROM seatings AS s)"
		       " ORDER BY event_id, seat LIMIT $3::int8",
	[SCAN_HOLDS] = "SELECT " HOLD_COLUMNS " FROM holds WHERE hold_id > $1::uuid ORDER BY hold_id LIMIT $2::int8",
	[SCAN_ORDERS] = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_id > $1::uuid ORDER BY order_id LIMIT $2::int8",
	[SCAN_PAYMENTS] =
		"SELECT " PAYMENT_COLUMNS " FROM payments WHERE transaction_id > $1::bytea ORDER BY transaction_id LIMIT $2::int8",
	[SCAN_REFUNDS] = "SELECT " REFUND_COLUMNS " FROM refunds WHERE refund_id > $1::uuid ORDER BY refund_id LIMIT $2::int8",
	/* 3 is cancelled. */
	[CANCELLED_SALE] =
		"SELECT event_id, version FROM sales WHERE status = 3 AND settled = 0 AND event_id > $1::uuid ORDER BY event_id LIMIT 1",
	/* The indexes of what is due have all active holds and pending orders, of whatever event: an index for these few moments would cost
	 * every hold more. */
	[LIST_OPEN] =
		"(SELECT 2::int8 AS kind, hold_id AS id FROM holds WHERE status = 1 AND expires_at > 0 AND event_id = $1::uuid LIMIT "
		"$2::int8)"
		" UNION ALL (SELECT 3::int8, order_id FROM orders WHERE status = 1 AND pay_by > 0 AND event_id = $1::uuid LIMIT $2::int8)"
		" UNION ALL (SELECT 3::int8, order_id FROM orders WHERE kept > 0 AND event_id = $1::uuid LIMIT $2::int8)"
		" LIMIT $2::int8",
	[ACCOUNT] = "SELECT (SELECT count(*) FROM holds WHERE status = 1 AND expires_at > 0 AND event_id = $1::uuid),"
		    " (SELECT count(*) FROM orders WHERE status = 1 AND pay_by > 0 AND event_id = $1::uuid),"
		    " (SELECT count(*) FROM orders WHERE kept > 0 AND event_id = $1::uuid),"
		    " (SELECT coalesce(sum(kept), 0)::int8 FROM orders WHERE kept > 0 AND event_id = $1::uuid),"
		    " currency, settled FROM sales WHERE event_id = $1::uuid",
	[LIST_REFUNDS] = "SELECT " REFUND_COLUMNS " FROM refunds WHERE refund_id > $1::uuid AND $3::int8 IN (0, status)"
			 " ORDER BY refund_id LIMIT $2::int8",
	[LIST_DUE_REFUNDS] = "SELECT " REFUND_COLUMNS " FROM refunds WHERE status = 1 AND refund_id > $1::uuid"
			     " ORDER BY refund_id LIMIT $2::int8",
	[LIST_EVENT_REFUNDS] = "SELECT " REFUND_COLUMNS " FROM refunds WHERE event_id = $4::uuid AND refund_id > $1::uuid"
			       " AND $3::int8 IN (0, status) ORDER BY refund_id LIMIT $2::int8",
	[LIST_CATALOG_CHANGES] = "SELECT event_id, version FROM catalog_changes WHERE event_id > $1::uuid ORDER BY event_id LIMIT $2::int8",
	[DROP_CATALOG_CHANGE] = "DELETE FROM catalog_changes WHERE event_id = $1::uuid AND version <= $2::int8",
	/* $1 at most are counted; of each partition the oldest. */
	[LOOK_AT_OUTBOX] =
		"SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE partition >= 0 LIMIT $1::int8) AS entries),"
		" (SELECT count(*) FROM outbox_publishers WHERE alive_until > (extract(epoch FROM clock_timestamp()) * 1000)::int8),"
		" (SELECT o.id FROM outbox o WHERE o.partition = p.partition ORDER BY o.id LIMIT 1)"
		" FROM outbox_partitions p WHERE p.partition >= 0",
	/* An update may fit into free space; a megabyte that does not fit into memory goes to the disk, which shows whether the disk has
	 * room. */
	[NARROW_MEMORY] = "SELECT set_config('work_mem', '64kB', true)",
	[PING] = "WITH room AS MATERIALIZED (SELECT repeat('room', 256) FROM generate_series(1, 1024))"
		 " UPDATE meta SET value = value + 1 WHERE name = 'pings' RETURNING (extract(epoch FROM clock_timestamp()) * 1000)::int8,"
		 " (SELECT value FROM meta WHERE name = 'replaying'), (SELECT value FROM meta WHERE name = 'schema_floor'),"
		 " (SELECT count(*) FROM room)",
	[LIST_OUTBOX] = "SELECT partition, id, events FROM outbox WHERE (partition, id) > ($1::int8, $2::uuid)"
			" ORDER BY partition, id LIMIT $3::int8",
	[FIND_WAITING] = "SELECT d.key, stream_id, type FROM unnest($1::uuid[]) WITH ORDINALITY AS d (key, number)"
			 " LEFT JOIN events ON id = d.key ORDER BY d.number",
	[LOOK] = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8, r.value, f.value FROM meta AS r CROSS JOIN meta AS f"
		 " WHERE r.name = 'replaying' AND f.name = 'schema_floor'",
};

_Static_assert(SEAT_AVAILABLE == 1 && SEAT_HELD == 2 && SEAT_RESERVED == 3, "STATUS_AT says so");
_Static_assert(ROW_HOLD == 2 && ROW_ORDER == 3, "LIST_DUE says so");

enum store_result reader_query(struct postgres_reader *reader, enum reader_statement statement, PGresult **ret_answer)
{
	assert(statement < READER_STATEMENT_COUNT && ret_answer != NULL);
	/* Outside its transaction a statement would read another moment. */
	reader->connection.deadline_ns = reader->port.deadline_ns;
	bool is_lost = reader->has_snapshot && !connection_has_transaction(&reader->connection);
	enum store_result result = is_lost ? STORE_DOWN : connection_query(&reader->connection, statement, &reader->parameters, ret_answer);
	parameters_clear(&reader->parameters);
	return result;
}

static enum store_result postgres_snapshot_begin(struct reader *port)
{
	struct postgres_reader *reader = reader_of(port);
	assert(!reader->has_snapshot);
	PGresult *answer;
	enum store_result result = reader_query(reader, BEGIN_SNAPSHOT, &answer);
	if (result != STORE_OK)
		return result;
	PQclear(answer);
	reader->has_snapshot = true;
	return STORE_OK;
}

static void postgres_snapshot_end(struct reader *port)
{
	struct postgres_reader *reader = reader_of(port);
	assert(reader->has_snapshot);
	reader->has_snapshot = false;
	connection_rollback(&reader->connection);
}

enum reader_statement find_statement(enum row_kind kind)
{
	static const enum reader_statement finds[ROW_KEY] = {
		[ROW_SALE] = FIND_SALE, [ROW_HOLD] = FIND_HOLD, [ROW_ORDER] = FIND_ORDER, [ROW_REFUND] = FIND_REFUND};
	assert(kind < ROW_KEY && finds[kind] != 0);
	return finds[kind];
}

static enum store_result postgres_find(struct reader *port, enum row_kind kind, const struct uuid *id, struct arena *arena,
                                       const struct row **ret_row)
{
	assert(id != NULL && arena != NULL && ret_row != NULL);
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	array_uuid(&reader->parameters, 0, id);
	enum store_result result = reader_query(reader, find_statement(kind), &answer);
	if (result != STORE_OK)
		return result;
	bool is_there = PQntuples(answer) > 0;
	const struct row *row = is_there ? stored_row_read(tuple_columns(&(struct tuple){.answer = answer}), kind, arena) : NULL;
	PQclear(answer);
	if (is_there && row == NULL)
		return STORE_CORRUPT;
	*ret_row = row;
	return STORE_OK;
}

enum store_result read_events(const PGresult *answer, struct arena *arena, struct event_list *ret_list)
{
	assert(arena != NULL && ret_list != NULL);
	struct event_list list = {.count = (uint32_t)PQntuples(answer)};
	list.records = arena_allocate_array(arena, list.count, sizeof *list.records);
	bool is_right = list.records != NULL;
	for (uint32_t i = 0; is_right && i < list.count; i++) {
		struct tuple tuple = {.answer = answer, .row = (int)i};
		is_right = stored_event_read(tuple_columns(&tuple), arena, &list.records[i]);
	}
	if (!is_right)
		return STORE_CORRUPT;
	*ret_list = list;
	return STORE_OK;
}

/* Runs the statement, whose answer is events. */
static enum store_result query_events(struct postgres_reader *reader, enum reader_statement statement, struct arena *arena,
                                      struct event_list *ret_list)
{
	assert(statement == LIST_HISTORY || statement == LIST_EVENTS);
	PGresult *answer;
	enum store_result result = reader_query(reader, statement, &answer);
	if (result != STORE_OK)
		return result;
	result = read_events(answer, arena, ret_list);
	PQclear(answer);
	return result;
}

enum reader_statement put_history(struct parameters *parameters, const struct uuid *stream_id, uint32_t after, uint32_t limit)
{
	assert(stream_id != NULL && limit > 0);
	scalar_uuid(parameters, 0, stream_id);
	scalar_int(parameters, 1, after);
	scalar_int(parameters, 2, limit);
	return LIST_HISTORY;
}

static enum store_result postgres_list_history(struct reader *port, const struct uuid *stream_id, uint32_t after, uint32_t limit,
                                               struct arena *arena, struct event_list *ret_list)
{
	struct postgres_reader *reader = reader_of(port);
	return query_events(reader, put_history(&reader->parameters, stream_id, after, limit), arena, ret_list);
}

static enum store_result postgres_list_events(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                              struct event_list *ret_list)
{
	assert(limit > 0 && ret_list != NULL);
	static const struct uuid before_all;
	struct postgres_reader *reader = reader_of(port);
	scalar_uuid(&reader->parameters, 0, after == NULL ? &before_all : after);
	scalar_int(&reader->parameters, 1, limit);
	return query_events(reader, LIST_EVENTS, arena, ret_list);
}

/* False: it cannot be right, or the arena is full. */
static bool read_seat(struct tuple tuple, struct arena *arena, struct seat_entry *ret_entry)
{
	assert(arena != NULL && ret_entry != NULL);
	*ret_entry = (struct seat_entry){
		.position = field_uint(tuple, 0),
		.seat = field_copy(tuple, 1, arena),
		.section = field_copy(tuple, 2, arena),
		.row = field_copy(tuple, 3, arena),
		.price = field_int(tuple, 4),
		.status = (enum seat_status)field_uint(tuple, 5),
		.version = field_uint(tuple, 6),
	};
	return ret_entry->seat.data != NULL && ret_entry->section.data != NULL && ret_entry->row.data != NULL &&
	       ret_entry->status >= SEAT_AVAILABLE && ret_entry->status <= SEAT_SOLD;
}

/* Computes the positions that the query looks at: behind *ret_after, up to *ret_end. */
static void find_window(const struct seat_query *query, uint64_t *ret_after, uint64_t *ret_end)
{
	assert(ret_after != NULL && ret_end != NULL);
	*ret_after = query->after_position < SEATS_PER_EVENT_MAX ? query->after_position : SEATS_PER_EVENT_MAX;
	*ret_end = *ret_after + SEATS_LOOKED_AT_MAX; /* positions have no gaps */
}

enum reader_statement put_seats(struct parameters *parameters, const struct seat_query *query)
{
	assert(query->limit > 0);
	uint64_t after, end;
	find_window(query, &after, &end);
	scalar_uuid(parameters, 0, &query->event_id);
	scalar_uint(parameters, 1, after);
	scalar_uint(parameters, 2, end);
	scalar_uint(parameters, 3, query->now_ms);
	scalar_int(parameters, 4, query->status);
	scalar_int(parameters, 5, (int64_t)query->limit + 1);
	return LIST_SEATS;
}

/* The answer has one seat more than the limit when there are more in the window. */
enum store_result read_seats(const PGresult *answer, const struct seat_query *query, struct arena *arena, struct seat_list *ret_list)
{
	assert(query->limit > 0 && arena != NULL && ret_list != NULL);
	uint32_t limit = query->limit;
	uint64_t after, window_end;
	find_window(query, &after, &window_end);
	struct tuple first = {.answer = answer};
	bool has_seats = PQntuples(answer) > 0 && !field_is_null(first, 0);
	bool is_behind = PQntuples(answer) > 0 && field_uint(first, 7) > window_end;
	uint32_t count = has_seats ? (uint32_t)PQntuples(answer) : 0;
	struct seat_list list = {.count = count < limit ? count : limit, .next_position = is_behind ? window_end : 0};
	list.entries = arena_allocate_array(arena, list.count, sizeof *list.entries);
	if (list.entries == NULL)
		return STORE_CORRUPT;
	for (uint32_t i = 0; i < list.count; i++)
		if (!read_seat((struct tuple){.answer = answer, .row = (int)i}, arena, &list.entries[i]))
			return STORE_CORRUPT;
	if (count > limit)
		list.next_position = list.entries[limit - 1].position;
	*ret_list = list;
	return STORE_OK;
}

static enum store_result postgres_list_seats(struct reader *port, const struct seat_query *query, struct arena *arena,
                                             struct seat_list *ret_list)
{
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	enum store_result result = reader_query(reader, put_seats(&reader->parameters, query), &answer);
	if (result != STORE_OK)
		return result;
	result = read_seats(answer, query, arena, ret_list);
	PQclear(answer);
	return result;
}

static enum store_result read_counts(const PGresult *answer, struct arena *arena, struct section_count_list *ret_list)
{
	assert(answer != NULL && ret_list != NULL);
	struct section_count_list list = {.count = (uint32_t)PQntuples(answer)};
	list.sections = arena_allocate_array(arena, list.count, sizeof *list.sections);
	if (list.sections == NULL)
		return STORE_CORRUPT;
	for (uint32_t i = 0; i < list.count; i++) {
		struct tuple tuple = {.answer = answer, .row = (int)i};
		struct section_count *section = &list.sections[i];
		*section = (struct section_count){
			.name = field_copy(tuple, 0, arena),
			.total = (uint32_t)field_uint(tuple, 1),
			.available = (uint32_t)field_uint(tuple, 2),
			.price_from = field_int(tuple, 3),
		};
		if (section->name.data == NULL || section->total == 0 || section->available > section->total)
			return STORE_CORRUPT;
	}
	*ret_list = list;
	return STORE_OK;
}

static enum store_result postgres_count_seats(struct reader *port, const struct uuid *event_id, uint64_t now_ms, struct arena *arena,
                                              struct section_count_list *ret_list)
{
	assert(event_id != NULL && arena != NULL);
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	scalar_uuid(&reader->parameters, 0, event_id);
	scalar_uint(&reader->parameters, 1, now_ms);
	enum store_result result = reader_query(reader, COUNT_SEATS, &answer);
	if (result != STORE_OK)
		return result;
	result = read_counts(answer, arena, ret_list);
	PQclear(answer);
	return result;
}

static void postgres_free(struct reader *port)
{
	assert(port != NULL);
	struct postgres_reader *reader = reader_of(port);
	connection_release(&reader->connection);
	parameters_release(&reader->parameters);
	read_run_free(reader->run);
	free(reader);
}

static const struct reader_operations operations = {
	.snapshot_begin = postgres_snapshot_begin,
	.snapshot_end = postgres_snapshot_end,
	.find = postgres_find,
	.list_history = postgres_list_history,
	.list_seats = postgres_list_seats,
	.count_seats = postgres_count_seats,
	.read_all = postgres_read_all,
	.list_due = postgres_list_due,
	.list_cancelled = postgres_list_cancelled,
	.account = postgres_account,
	.list_refunds = postgres_list_refunds,
	.list_events = postgres_list_events,
	.scan = postgres_scan,
	.list_catalog_changes = postgres_list_catalog_changes,
	.drop_catalog_change = postgres_drop_catalog_change,
	.look_at_outbox = postgres_look_at_outbox,
	.list_outbox = postgres_list_outbox,
	.ping = postgres_ping,
	.free = postgres_free,
};

static enum error open_reader(const char *dsn, bool looks, struct reader **ret_reader, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(dsn != NULL && ret_reader != NULL);
	struct postgres_reader *reader = calloc(1, sizeof *reader);
	if (reader == NULL)
		return ERR_NO_MEMORY;
	reader->port = (struct reader){.operations = &operations};
	parameters_init(&reader->parameters);
	enum error error = connection_open(dsn, statements, READER_STATEMENT_COUNT, &reader->connection, message);
	if (error != OK) {
		free(reader);
		return error;
	}
	reader->connection.waits_for_session = true;
	reader->connection.looks = looks;
	if (looks)
		reader->connection.answer_timeout_ms = LOOK_ANSWER_MS;
	*ret_reader = &reader->port;
	return OK;
}

enum error postgres_reader_open(const char *dsn, struct reader **ret_reader, char message[static POSTGRES_MESSAGE_MAX])
{
	return open_reader(dsn, false, ret_reader, message);
}

enum error postgres_reader_open_to_look(const char *dsn, struct reader **ret_reader, char message[static POSTGRES_MESSAGE_MAX])
{
	return open_reader(dsn, true, ret_reader, message);
}
