/* commit.c: writes everything or nothing, in one transaction: each statement checks the version of a row as it writes it.
 *
 * The functions answer SQLite's codes; SQLITE_CONSTRAINT says that something is not as expected, found by SQLite or here. */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "adapters/sql/stored_audit.h"
#include "adapters/sql/trace_states.h"
#include "adapters/sqlite/rows.h"
#include "adapters/sqlite/seating.h"
#include "adapters/sqlite/store.h"

#define AS(type, row) ((const struct type *)(const void *)(row))

/* The statements that read and write the rows of a kind; version_column is that of the select. Seats are inserted with their sale. */
static const struct {
	enum store_statement select, update, insert;
	int version_column;
} statements_of[ROW_KEY] = {
	[ROW_SALE] = {SELECT_SALE, UPDATE_SALE, INSERT_SALE, 8},
	[ROW_SEAT] = {SELECT_SEAT, UPDATE_SEAT, INSERT_SEAT, 5},
	[ROW_HOLD] = {SELECT_HOLD, UPDATE_HOLD, INSERT_HOLD, 8},
	[ROW_ORDER] = {SELECT_ORDER, UPDATE_ORDER, INSERT_ORDER, 19},
	[ROW_PAYMENT] = {SELECT_PAYMENT, UPDATE_PAYMENT, INSERT_PAYMENT, 8},
	[ROW_REFUND] = {SELECT_REFUND, UPDATE_REFUND, INSERT_REFUND, 11},
};

struct seating_of_sale {
	struct sqlite_store *store;
	const struct sale *sale;
	int64_t position; /* of the next seat */
	int code;
};

static enum error insert_seat(void *context, const struct layout_seat *seat)
{
	assert(context != NULL && seat != NULL);
	struct seating_of_sale *seating = context;
	const struct sale *sale = seating->sale;
	seating->code = seating_insert_seat(seating->store, &sale->event_id, sale->row.version, seating->position++, seat);
	return seating->code == SQLITE_OK ? OK : ERR_SYSTEM;
}

/* The seats of a new sale, one after the other, unless they are there already (ports/seating.h). */
static int insert_seats(struct sqlite_store *store, const struct changes *changes, const struct sale *sale, int64_t *ret_first)
{
	assert(sale != NULL && sale->row.stored_version == 0);
	assert(ret_first != NULL);
	struct seating_of_sale seating = {.store = store, .sale = sale};
	seating.code = seating_next_position(store, &seating.position);
	*ret_first = seating.position;
	for (uint32_t i = 0; seating.code == SQLITE_OK && i < changes->event_count; i++) {
		const struct event *event = &changes->events[i];
		if (event->type != EVENT_SALE_CREATED || !uuid_equal(&event->event_id, &sale->event_id))
			continue;
		if (event->seats_version != 0)
			return seating_end(store, event, ret_first);
		(void)layout_each_seat(&event->layout, insert_seat, &seating);
	}
	assert(seating.code != SQLITE_OK || seating.position - *ret_first == sale->seat_count);
	return seating.code;
}

static int insert_row(struct sqlite_store *store, const struct changes *changes, const struct row *row)
{
	assert(row->stored_version == 0);
	assert(row->kind < ROW_KEY && row->kind != ROW_SEAT); /* seats come with their sale, keys with their events */
	enum store_statement insert = statements_of[row->kind].insert;
	sqlite3_stmt *statement = store->database.statements[insert];
	int64_t first_seat = 0;
	int code = row->kind == ROW_SALE ? insert_seats(store, changes, AS(sale, row), &first_seat) : SQLITE_OK;
	if (code != SQLITE_OK)
		return code;
	if (!stored_row_put(statement_places(statement), row, &store->scratch))
		return SQLITE_NOMEM;
	if (row->kind == ROW_SALE)
		bind_int(statement, 10, first_seat);
	return database_run(&store->database, insert);
}

/* An update must find its row as it was. */
static int update_row(struct sqlite_store *store, const struct row *row)
{
	assert(row->stored_version != 0);
	assert(row->kind < ROW_KEY);
	enum store_statement update = statements_of[row->kind].update;
	sqlite3_stmt *statement = store->database.statements[update];
	uint32_t index = stored_key_put(statement_places(statement), 0, row);
	bind_uint(statement, (int)index + 1, row->stored_version);
	stored_change_put(statement_places(statement), index + 1, row);
	if (row->kind == ROW_SEAT)
		bind_int(statement, (int)index + 2, seat_status_stored(AS(seat, row)->status));
	int code = database_run(&store->database, update);
	return code == SQLITE_OK && sqlite3_changes(store->database.handle) != 1 ? SQLITE_CONSTRAINT : code;
}

static int write_row(struct sqlite_store *store, const struct changes *changes, const struct row *row)
{
	assert(row != NULL && row->kind < ROW_KEY);
	return row->stored_version == 0 ? insert_row(store, changes, row) : update_row(store, row);
}

static int insert_event(struct sqlite_store *store, const struct event *event)
{
	assert(event != NULL && event->type > EVENT_NONE && event->type < EVENT_TYPE_COUNT);
	assert(event->data.data != NULL);
	uint8_t trace[TRACE_BYTES];
	stored_event_put(statement_places(store->database.statements[INSERT_EVENT]), event, trace);
	return database_run(&store->database, INSERT_EVENT);
}

/* Of an event that an operator asked for. */
static int insert_audit(struct sqlite_store *store, const struct event *event)
{
	assert(event->from.length > 0);
	char target[UUID_TEXT_LENGTH + 1];
	const struct audit_record record = audit_record_of_event(event, target);
	stored_audit_put(statement_places(store->database.statements[INSERT_AUDIT]), &record);
	return database_run(&store->database, INSERT_AUDIT);
}

/* The partition's published events under the id of the first. first_position: of the first event of the changes; the others follow it. */
static int insert_outbox(struct sqlite_store *store, const struct changes *changes, uint8_t partition, int64_t first_position)
{
	assert(partition < OUTBOX_PARTITIONS);
	assert(first_position > 0);
	const struct uuid *id = NULL;
	buffer_clear(&store->scratch);
	for (uint32_t i = 0; i < changes->event_count; i++) {
		const struct event *event = &changes->events[i];
		if (!outbox_takes(partition, event))
			continue;
		uint64_t position = htole64((uint64_t)first_position + i);
		buffer_append(&store->scratch, &position, sizeof position);
		id = id == NULL ? &event->id : id;
	}
	if (id == NULL)
		return SQLITE_OK;
	trace_states_write(&store->trace_states, changes, partition);
	if (store->scratch.failed || store->trace_states.failed)
		return SQLITE_NOMEM;
	sqlite3_stmt *statement = store->database.statements[INSERT_OUTBOX];
	bind_int(statement, 1, partition);
	bind_uuid(statement, 2, id);
	bind_bytes(statement, 3, store->scratch.data, store->scratch.length);
	bind_text(statement, 4, buffer_slice(&store->trace_states));
	return database_run(&store->database, INSERT_OUTBOX);
}

static int append_events(struct sqlite_store *store, const struct changes *changes, int64_t last_position)
{
	assert(!changes->is_replay);
	int code = changes->event_count > 0 ? key_index_write(&store->index, &store->database) : SQLITE_OK;
	for (uint32_t i = 0; code == SQLITE_OK && i < changes->event_count; i++)
		code = insert_event(store, &changes->events[i]);
	if (code == SQLITE_OK && changes->event_count > 0)
		assert(sqlite3_last_insert_rowid(store->database.handle) == last_position + changes->event_count);
	for (uint32_t i = 0; code == SQLITE_OK && i < changes->event_count; i++)
		if (!slice_is_empty(changes->events[i].from))
			code = insert_audit(store, &changes->events[i]);
	for (uint8_t partition = 0; code == SQLITE_OK && partition < OUTBOX_PARTITIONS; partition++)
		code = insert_outbox(store, changes, partition, last_position + 1);
	return code;
}

/* Seats of one event that stand one after the other among the rows, for the maps in memory. *index: the first of them; out, the row
 * behind. */
static int insert_seat_changes(struct sqlite_store *store, const struct changes *changes, int64_t position, uint32_t part, uint32_t *index)
{
	assert(*index < changes->row_count && changes->rows[*index]->kind == ROW_SEAT);
	assert(position > 0);
	const struct uuid *event_id = &container_of(changes->rows[*index], const struct seat, row)->event_id;
	buffer_clear(&store->scratch);
	for (; *index < changes->row_count && changes->rows[*index]->kind == ROW_SEAT; (*index)++) {
		const struct seat *seat = container_of(changes->rows[*index], const struct seat, row);
		if (!uuid_equal(&seat->event_id, event_id))
			break;
		buffer_append_slice(&store->scratch, seat_label_slice(&seat->label));
		buffer_append_byte(&store->scratch, '\n');
	}
	if (store->scratch.failed)
		return SQLITE_NOMEM;
	sqlite3_stmt *statement = store->database.statements[INSERT_SEAT_CHANGES];
	bind_int(statement, 1, position);
	bind_int(statement, 2, part);
	bind_uuid(statement, 3, event_id);
	bind_text(statement, 4, buffer_slice(&store->scratch));
	return database_run(&store->database, INSERT_SEAT_CHANGES);
}

static int list_seat_changes(struct sqlite_store *store, const struct changes *changes, int64_t position)
{
	assert(changes->event_count > 0 && !changes->is_replay);
	int code = SQLITE_OK;
	uint32_t part = 0;
	for (uint32_t i = 0; code == SQLITE_OK && i < changes->row_count;) {
		if (changes->rows[i]->kind == ROW_SEAT)
			code = insert_seat_changes(store, changes, position, part++, &i);
		else
			i++;
	}
	return code;
}

static int check_relied(struct sqlite_store *store, const struct row *row)
{
	assert(row->kind < ROW_KEY);
	enum store_statement select = statements_of[row->kind].select;
	sqlite3_stmt *statement = store->database.statements[select];
	(void)stored_key_put(statement_places(statement), 0, row);
	int code = database_step(&store->database, select);
	uint64_t version = code == SQLITE_ROW ? column_uint(statement, statements_of[row->kind].version_column) : 0;
	database_reset(&store->database, select);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return code;
	return version == row->stored_version ? SQLITE_OK : SQLITE_CONSTRAINT;
}

static int check_unused(struct sqlite_store *store, const struct idempotency *idempotency)
{
	assert(idempotency != NULL);
	int64_t position;
	int code = key_index_find(&store->index, &store->database, idempotency->key, &position);
	return code == SQLITE_OK && position != 0 ? SQLITE_CONSTRAINT : code;
}

/* The keys of the events, and those of refused commands, must be new. Within the changes they are: the view has seen to that. */
static int check_keys(struct sqlite_store *store, const struct changes *changes)
{
	assert(!changes->is_replay);
	int code = key_index_follow(&store->index, &store->database);
	for (uint32_t i = 0; code == SQLITE_OK && i < changes->unused_key_count; i++)
		code = check_unused(store, &changes->unused_keys[i]);
	for (uint32_t i = 0; code == SQLITE_OK && i < changes->event_count; i++)
		if (changes->events[i].idempotency.is_present)
			code = check_unused(store, &changes->events[i].idempotency);
	return code;
}

static bool has_keys(const struct changes *changes)
{
	assert(changes->events != NULL || changes->event_count == 0);
	for (uint32_t i = 0; i < changes->event_count; i++)
		if (changes->events[i].idempotency.is_present)
			return true;
	return changes->unused_key_count > 0;
}

static int write_all(struct sqlite_store *store, const struct changes *changes, int64_t last_position)
{
	assert(sqlite3_get_autocommit(store->database.handle) == 0);
	assert(changes->rows != NULL || changes->row_count == 0);
	assert(changes->relied != NULL || changes->relied_count == 0);
	int code = SQLITE_OK;
	/* The rows of the view can only have moved when somebody else has appended events. */
	for (uint32_t i = 0; code == SQLITE_OK && last_position != store->seen_position && i < changes->relied_count; i++)
		code = check_relied(store, changes->relied[i]);
	if (code == SQLITE_OK && !changes->is_replay && has_keys(changes))
		code = check_keys(store, changes);
	for (uint32_t i = 0; code == SQLITE_OK && i < changes->row_count; i++)
		code = write_row(store, changes, changes->rows[i]);
	if (code == SQLITE_OK && !changes->is_replay)
		code = append_events(store, changes, last_position);
	if (code == SQLITE_OK && !changes->is_replay && changes->event_count > 0)
		code = list_seat_changes(store, changes, last_position + 1);
	return code;
}

static enum store_result end(struct sqlite_store *store, int code)
{
	assert(code != SQLITE_ROW && code != SQLITE_DONE);
	if (code != SQLITE_OK) {
		database_rollback(&store->database);
		return database_result(code);
	}
	code = database_run(&store->database, COMMIT);
	if (code == SQLITE_OK)
		return STORE_OK;
	database_rollback(&store->database);
	/* After an I/O error a crash may still recover the transaction whole, so nobody knows whether it was written. */
	return (code & 0xff) == SQLITE_IOERR ? STORE_UNKNOWN : database_result(code);
}

/* Writes within the transaction that replay has begun; a failure rolls all of it back. */
static enum store_result write_replayed(struct sqlite_store *store, const struct changes *changes)
{
	assert(changes->is_replay);
	assert(sqlite3_get_autocommit(store->database.handle) == 0);
	int code = SQLITE_OK;
	for (uint32_t i = 0; code == SQLITE_OK && i < changes->row_count; i++)
		code = write_row(store, changes, changes->rows[i]);
	if (code != SQLITE_OK)
		database_rollback(&store->database);
	return database_result(code);
}

static enum store_result commit_in_turn(struct sqlite_store *store, const struct changes *changes, bool writes)
{
	int64_t last_position;
	assert(!writes || store->has_turn);
	int code = database_begin(&store->database, writes ? BEGIN_WRITE : BEGIN_READ);
	if (code != SQLITE_OK)
		return database_result(code);
	code = store_last_position(store, &last_position);
	if (code == SQLITE_OK && changes->epoch != 0 && changes->epoch != store->found_epoch)
		code = SQLITE_CONSTRAINT;
	if (code == SQLITE_OK)
		code = write_all(store, changes, last_position);
	enum store_result result = end(store, code);
	key_index_end(&store->index, result == STORE_OK);
	if (result == STORE_OK && !changes->is_replay && last_position == store->seen_position)
		store->seen_position = last_position + changes->event_count;
	return result;
}

enum store_result sqlite_commit(struct store *port, const struct changes *changes)
{
	assert(changes != NULL);
	struct sqlite_store *store = store_of(port);
	if (changes->is_replay && sqlite3_get_autocommit(store->database.handle) == 0)
		return write_replayed(store, changes);
	bool writes = changes->row_count > 0 || (changes->event_count > 0 && !changes->is_replay);
	int code = writes ? store_sync_at_once(store) : SQLITE_OK;
	if (code == SQLITE_OK && writes)
		code = store_take_turn(store);
	if (code != SQLITE_OK)
		return database_result(code);
	enum store_result result = commit_in_turn(store, changes, writes);
	if (writes) {
		store_end_turn(store);
		store_settle(store, false);
	}
	return result;
}
