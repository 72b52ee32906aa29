/* seating.c: seatings, each chunk in one transaction.
 *
 * Seats of an event have one position after the other. As many as it has are reserved when its seating begins: seats of other events, of
 * seatings or not, come behind all that are taken or reserved. */
#include "adapters/sqlite/seating.h"

#include <assert.h>

#include "adapters/sqlite/store.h"
#include "base/now.h"

#define SWEPT_MS 60000 /* nobody waits for these to be cleared */

int seating_next_position(struct sqlite_store *store, int64_t *ret_position)
{
	assert(ret_position != NULL);
	int code = database_step(&store->database, SELECT_NEXT_SEAT);
	if (code == SQLITE_ROW)
		*ret_position = sqlite3_column_int64(store->database.statements[SELECT_NEXT_SEAT], 0);
	database_reset(&store->database, SELECT_NEXT_SEAT);
	return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_CORRUPT : code;
}

int seating_insert_seat(struct sqlite_store *store, const struct uuid *event_id, uint64_t version, int64_t position,
                        const struct layout_seat *seat)
{
	assert(position > 0 && seat != NULL);
	sqlite3_stmt *statement = store->database.statements[INSERT_SEAT];
	bind_uuid(statement, 1, event_id);
	bind_text(statement, 2, seat->seat);
	bind_text(statement, 3, seat->section);
	bind_text(statement, 4, seat->row);
	bind_int(statement, 5, seat->price);
	bind_uint(statement, 6, version);
	bind_int(statement, 7, position);
	return database_run(&store->database, INSERT_SEAT);
}

/* SQLITE_CONSTRAINT unless the statement changed one row. */
static int change_one(struct sqlite_store *store, enum store_statement statement)
{
	int code = database_run(&store->database, statement);
	return code == SQLITE_OK && sqlite3_changes(store->database.handle) != 1 ? SQLITE_CONSTRAINT : code;
}

int seating_end(struct sqlite_store *store, const struct event *event, int64_t *ret_first)
{
	assert(event->seats_version != 0 && ret_first != NULL);
	sqlite3_stmt *find = store->database.statements[FIND_SEATING];
	bind_uuid(find, 1, &event->event_id);
	int code = database_step(&store->database, FIND_SEATING);
	*ret_first = code == SQLITE_ROW ? sqlite3_column_int64(find, 1) : 0;
	database_reset(&store->database, FIND_SEATING);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? SQLITE_CONSTRAINT : code;
	sqlite3_stmt *end = store->database.statements[END_SEATING];
	bind_uuid(end, 1, &event->event_id);
	bind_uint(end, 2, event->seats_version);
	bind_int(end, 3, event->seat_count);
	return change_one(store, END_SEATING);
}

/* Opens the transaction of a chunk, in which this program may write. */
static int open_chunk(struct sqlite_store *store)
{
	int64_t position;
	int code = store_sync_later(store);
	if (code == SQLITE_OK)
		code = store_take_turn(store);
	if (code == SQLITE_OK)
		code = database_begin(&store->database, BEGIN_WRITE);
	return code == SQLITE_OK ? store_last_position(store, &position) : code;
}

/* Others have their turn while the disk is busy with what the chunk has written. The system tells each file of an error once: a commit that
 * comes later would not hear of it. */
static int sync_log(struct sqlite_store *store)
{
	sqlite3_file *file = NULL;
	assert(!store->has_turn);
	int code = sqlite3_file_control(store->database.handle, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &file);
	return code == SQLITE_OK && file->pMethods != NULL ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : code;
}

/* Others can write from *ret_ended_ns on. */
static enum store_result close_chunk(struct sqlite_store *store, int code, uint64_t *ret_ended_ns)
{
	assert(ret_ended_ns != NULL);
	if (code == SQLITE_OK)
		code = database_run(&store->database, COMMIT);
	if (code != SQLITE_OK)
		database_rollback(&store->database);
	*ret_ended_ns = monotonic_now_ns();
	if (store->has_turn) {
		store_end_turn(store);
		int synced = sync_log(store);
		code = code == SQLITE_OK ? synced : code;
		store_settle(store, true);
	}
	int restored = store_sync_at_once(store);
	(void)restored; /* no memory: the commit that makes the sale tries again */
	return database_result(code);
}

static int has_sale(struct sqlite_store *store, const struct uuid *event_id, bool *ret_has_sale)
{
	bind_uuid(store->database.statements[SELECT_SALE], 1, event_id);
	int code = database_step(&store->database, SELECT_SALE);
	database_reset(&store->database, SELECT_SALE);
	*ret_has_sale = code == SQLITE_ROW;
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int has_key(struct sqlite_store *store, const struct idempotency *key, bool *ret_has_key)
{
	int64_t position = 0;
	int code = key_index_follow(&store->index, &store->database);
	if (code == SQLITE_OK)
		code = key_index_find(&store->index, &store->database, key->key, &position);
	*ret_has_key = position != 0;
	return code;
}

/* Of the seating that there is, SEATING_BEGUN: there is none. */
static int look_for_others(struct sqlite_store *store, const struct uuid *event_id, enum seating_state *ret_state)
{
	sqlite3_stmt *find = store->database.statements[FIND_SEATING];
	bind_uuid(find, 1, event_id);
	int code = database_step(&store->database, FIND_SEATING);
	bool is_left = code == SQLITE_ROW &&
	               (sqlite3_column_int64(find, 0) == 0 || sqlite3_column_int64(find, 2) < (int64_t)wall_now_ms() - SEATING_LEFT_MS);
	*ret_state = code == SQLITE_DONE ? SEATING_BEGUN : is_left ? SEATING_LEFT : SEATING_OTHERS;
	database_reset(&store->database, FIND_SEATING);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int look(struct sqlite_store *store, const struct seating *seating, const struct idempotency *key, enum seating_state *ret_state)
{
	bool is_there = false, is_used = false;
	int code = has_sale(store, &seating->event_id, &is_there);
	if (code == SQLITE_OK && !is_there && key != NULL)
		code = has_key(store, key, &is_used);
	if (code == SQLITE_OK && (is_there || is_used))
		*ret_state = SEATING_NEEDLESS;
	else if (code == SQLITE_OK)
		code = look_for_others(store, &seating->event_id, ret_state);
	return code;
}

static int insert_seating(struct sqlite_store *store, struct seating *seating)
{
	int code = database_step(&store->database, SELECT_EPOCH);
	seating->epoch = code == SQLITE_ROW ? column_uint(store->database.statements[SELECT_EPOCH], 0) : 0;
	database_reset(&store->database, SELECT_EPOCH);
	code = code == SQLITE_ROW ? seating_next_position(store, &seating->first_seat) : code == SQLITE_DONE ? SQLITE_CORRUPT : code;
	if (code != SQLITE_OK)
		return code;
	sqlite3_stmt *insert = store->database.statements[INSERT_SEATING];
	bind_uuid(insert, 1, &seating->event_id);
	bind_uint(insert, 2, seating->version);
	bind_int(insert, 3, seating->first_seat);
	bind_int(insert, 4, seating->seat_count);
	bind_uint(insert, 5, seating->epoch);
	bind_uint(insert, 6, wall_now_ms());
	return database_run(&store->database, INSERT_SEATING);
}

static enum store_result begin(struct store *port, struct seating *seating, const struct idempotency *key, enum seating_state *ret_state)
{
	assert(seating->version > 0 && seating->seat_count > 0 && ret_state != NULL);
	struct sqlite_store *store = store_of(port);
	uint64_t ended_ns;
	int code = open_chunk(store);
	if (code == SQLITE_OK)
		code = look(store, seating, key, ret_state);
	seating->written = 0;
	if (code == SQLITE_OK && *ret_state == SEATING_BEGUN)
		code = insert_seating(store, seating);
	return close_chunk(store, code, &ended_ns);
}

static int write_seats(struct sqlite_store *store, const struct seating *seating, const struct layout_seat *seats, uint32_t count)
{
	sqlite3_stmt *advance = store->database.statements[ADVANCE_SEATING];
	bind_uuid(advance, 1, &seating->event_id);
	bind_uint(advance, 2, seating->version);
	bind_int(advance, 3, seating->written);
	bind_int(advance, 4, count);
	bind_uint(advance, 5, wall_now_ms());
	int code = change_one(store, ADVANCE_SEATING);
	for (uint32_t i = 0; code == SQLITE_OK && i < count; i++)
		code = seating_insert_seat(store, &seating->event_id, seating->version, seating->first_seat + seating->written + i,
		                           &seats[i]);
	return code;
}

/* A commit whose sync failed may be found after a power cut; the rows say then how far it came, and nobody goes on with it. */
static enum store_result add(struct store *port, struct seating *seating, const struct layout_seat *seats, uint32_t count)
{
	assert(seats != NULL && count > 0 && seating->written + count <= seating->seat_count);
	struct sqlite_store *store = store_of(port);
	int code = open_chunk(store);
	uint64_t began_ns = monotonic_now_ns(), ended_ns;
	if (code == SQLITE_OK)
		code = write_seats(store, seating, seats, count);
	enum store_result result = close_chunk(store, code, &ended_ns);
	seating->held_ns = ended_ns - began_ns;
	if (result == STORE_OK)
		seating->written += count;
	return result;
}

/* SQLITE_CONSTRAINT: there is none. */
static int find_left(struct sqlite_store *store, struct uuid *ret_event_id)
{
	sqlite3_stmt *find = store->database.statements[FIND_LEFT];
	bind_int(find, 1, (int64_t)wall_now_ms() - SWEPT_MS);
	int code = database_step(&store->database, FIND_LEFT);
	if (code == SQLITE_ROW)
		*ret_event_id = column_uuid(find, 0);
	database_reset(&store->database, FIND_LEFT);
	return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_CONSTRAINT : code;
}

/* From the end of the layout on. */
static int clear_some(struct sqlite_store *store, const struct uuid *event_id, uint64_t version, uint32_t limit, bool *ret_has_more)
{
	sqlite3_stmt *give_up = store->database.statements[GIVE_UP_SEATING];
	bind_uuid(give_up, 1, event_id);
	bind_uint(give_up, 2, version);
	bind_int(give_up, 3, (int64_t)wall_now_ms() - SEATING_LEFT_MS);
	bind_int(give_up, 4, limit);
	int code = change_one(store, GIVE_UP_SEATING);
	if (code != SQLITE_OK)
		return code;
	bind_uuid(store->database.statements[CLEAR_SEATS], 1, event_id);
	code = database_run(&store->database, CLEAR_SEATS);
	if (code != SQLITE_OK)
		return code;
	bind_uuid(store->database.statements[DELETE_SEATING], 1, event_id);
	code = database_run(&store->database, DELETE_SEATING);
	*ret_has_more = code == SQLITE_OK && sqlite3_changes(store->database.handle) == 0;
	return code;
}

static enum store_result clear(struct store *port, const struct seating *seating, uint32_t limit, bool *ret_has_more)
{
	assert(limit > 0 && ret_has_more != NULL);
	struct sqlite_store *store = store_of(port);
	struct uuid event_id = seating == NULL ? (struct uuid){0} : seating->event_id;
	bool has_more = false;
	uint64_t ended_ns;
	int code = seating == NULL ? find_left(store, &event_id) : SQLITE_OK;
	if (code == SQLITE_OK)
		code = open_chunk(store);
	if (code == SQLITE_OK)
		code = clear_some(store, &event_id, seating == NULL ? 0 : seating->version, limit, &has_more);
	enum store_result result = close_chunk(store, code, &ended_ns);
	*ret_has_more = result == STORE_OK && has_more;
	return result == STORE_STALE ? STORE_OK : result;
}

const struct seating_operations sqlite_seating_operations = {
	.chunk_min = 50, .chunk_max = 4000, .wanted_ns = 5000000, .begin = begin, .add = add, .clear = clear};
