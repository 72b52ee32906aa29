/* commit.c: writes everything or nothing, in one round trip: each statement checks the version of a row as it writes it.
 *
 * Rows go kind by kind and in the order of their keys, so that two sessions that want the same rows wait for each other and do not
 * deadlock. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/replay.h"
#include "adapters/postgres/rows.h"
#include "adapters/postgres/store.h"
#include "adapters/sql/stored_audit.h"
#include "adapters/sql/trace_states.h"
#include "state/kinds.h"

#define AS(type, row) ((const struct type *)(const void *)(row))
#define SEATS_PER_STATEMENT 10000

/* Puts the scratch's text as an element of an array of texts or bytes. */
static void put_scratch(struct postgres_store *store, uint32_t index, void (*put)(struct parameters *, uint32_t, struct slice))
{
	assert(put != NULL);
	if (store->scratch.failed)
		parameters_fail(&store->parameters);
	else
		put(&store->parameters, index, buffer_slice(&store->scratch));
}

/* The statements that check and write the rows of a kind. Seats are inserted with their sale. */
static const struct {
	enum store_statement check, update, insert;
} statements_of[ROW_KEY] = {
	[ROW_SALE] = {CHECK_SALES, UPDATE_SALES, INSERT_SALES},
	[ROW_SEAT] = {CHECK_SEATS, UPDATE_SEATS, INSERT_SEATS},
	[ROW_HOLD] = {CHECK_HOLDS, UPDATE_HOLDS, INSERT_HOLDS},
	[ROW_ORDER] = {CHECK_ORDERS, UPDATE_ORDERS, INSERT_ORDERS},
	[ROW_PAYMENT] = {CHECK_PAYMENTS, UPDATE_PAYMENTS, INSERT_PAYMENTS},
	[ROW_REFUND] = {CHECK_REFUNDS, UPDATE_REFUNDS, INSERT_REFUNDS},
};

/* $2 and on: the version that is expected, and the key. Answers the index behind them. */
static uint32_t put_expectation(struct postgres_store *store, const struct row *row)
{
	assert(row->kind < ROW_KEY);
	array_uint(&store->parameters, 1, row->stored_version);
	return stored_key_put(parameter_places(&store->parameters), 2, row);
}

static void put_row(struct postgres_store *store, const struct row *row)
{
	assert(row != NULL && row->kind < ROW_KEY);
	if (row->stored_version != 0)
		stored_change_put(parameter_places(&store->parameters), put_expectation(store, row), row);
	else if (!stored_row_put(parameter_places(&store->parameters), row, &store->scratch))
		parameters_fail(&store->parameters);
}

/* The new seats of a sale that are not sent yet. */
struct seating_of_sale {
	struct postgres_store *store;
	const struct sale *sale;
	uint32_t sent;
	uint32_t count;
};

static void put_seat(struct parameters *parameters, const struct layout_seat *seat)
{
	assert(parameters != NULL && seat != NULL);
	array_bytes(parameters, 3, seat->seat);
	array_text(parameters, 4, seat->section);
	array_text(parameters, 5, seat->row);
	array_int(parameters, 6, seat->price);
}

/* Behind the seats themselves. */
static void send_put_seats(struct postgres_store *store, const struct uuid *event_id, uint64_t version, uint32_t sent)
{
	assert(event_id != NULL && version > 0);
	scalar_uuid(&store->parameters, 0, event_id);
	scalar_uint(&store->parameters, 1, version);
	scalar_int(&store->parameters, 2, sent);
	store_send(store, INSERT_SEATS);
}

void store_send_seats(struct postgres_store *store, const struct uuid *event_id, uint64_t version, uint32_t sent,
                      const struct layout_seat *seats, uint32_t count)
{
	assert(count > 0 && count <= SEATS_PER_STATEMENT);
	for (uint32_t i = 0; i < count; i++)
		put_seat(&store->parameters, &seats[i]);
	send_put_seats(store, event_id, version, sent);
}

static void send_seats(struct seating_of_sale *seating)
{
	assert(seating->count <= SEATS_PER_STATEMENT);
	if (seating->count == 0)
		return;
	send_put_seats(seating->store, &seating->sale->event_id, seating->sale->row.version, seating->sent);
	seating->sent += seating->count;
	seating->count = 0;
}

static enum error put_seat_insert(void *context, const struct layout_seat *seat)
{
	assert(context != NULL && seat != NULL);
	struct seating_of_sale *seating = context;
	put_seat(&seating->store->parameters, seat);
	if (++seating->count == SEATS_PER_STATEMENT)
		send_seats(seating);
	return OK;
}

/* The seats are there (ports/seating.h), all of them, or the commit fails. */
static void end_seating(struct postgres_store *store, const struct event *event)
{
	assert(event->seats_version != 0);
	scalar_uuid(&store->parameters, 0, &event->event_id);
	scalar_uint(&store->parameters, 1, event->seats_version);
	scalar_int(&store->parameters, 2, event->seat_count);
	store_send(store, END_SEATING);
}

static void insert_seats(struct postgres_store *store, const struct changes *changes, const struct sale *sale)
{
	assert(sale->row.stored_version == 0);
	struct seating_of_sale seating = {.store = store, .sale = sale};
	for (uint32_t i = 0; i < changes->event_count; i++) {
		const struct event *event = &changes->events[i];
		if (event->type != EVENT_SALE_CREATED || !uuid_equal(&event->event_id, &sale->event_id))
			continue;
		if (event->seats_version != 0) {
			end_seating(store, event);
			return;
		}
		enum error error = layout_each_seat(&event->layout, put_seat_insert, &seating);
		assert(error == OK);
		(void)error;
	}
	send_seats(&seating);
	assert(seating.sent == sale->seat_count);
}

static bool is_new(const struct row *row)
{
	assert(row != NULL);
	return row->stored_version == 0;
}

/* By kind, old before new, by key. */
static int compare_rows(const void *a, const void *b)
{
	assert(a != NULL && b != NULL);
	const struct row *left = *(const struct row *const *)a, *right = *(const struct row *const *)b;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (is_new(left) != is_new(right))
		return is_new(left) ? 1 : -1;
	return row_key_compare(left, right);
}

/* A sorted copy in the arena of the batch; NULL when that is full. */
static const struct row **sort_rows(const struct changes *changes, const struct row **rows, uint32_t count)
{
	assert(rows != NULL || count == 0);
	assert(changes->arena != NULL);
	const struct row **sorted = arena_allocate_array(changes->arena, count, sizeof(const struct row *));
	if (sorted == NULL || count == 0)
		return sorted;
	memcpy(sorted, rows, count * sizeof(const struct row *));
	qsort(sorted, count, sizeof(const struct row *), compare_rows);
	return sorted;
}

/* Counts the rows, from the first on, that are of its kind and, as it is, new or not new. */
static uint32_t count_alike(const struct row **rows, uint32_t count)
{
	assert(rows != NULL && count > 0);
	uint32_t alike = 1;
	while (alike < count && rows[alike]->kind == rows[0]->kind && is_new(rows[alike]) == is_new(rows[0]))
		alike++;
	return alike;
}

static void check_rows(struct postgres_store *store, const struct row **rows, uint32_t count)
{
	assert(rows != NULL || count == 0);
	for (uint32_t i = 0, alike; i < count; i += alike) {
		alike = count_alike(&rows[i], count - i);
		scalar_int(&store->parameters, 0, alike);
		for (uint32_t j = 0; j < alike; j++)
			(void)put_expectation(store, rows[i + j]);
		store_send(store, statements_of[rows[i]->kind].check);
	}
}

static void check_keys(struct postgres_store *store, const struct idempotency *keys, uint32_t count)
{
	assert(keys != NULL || count == 0);
	if (count == 0)
		return;
	scalar_int(&store->parameters, 0, 0);
	for (uint32_t i = 0; i < count; i++) {
		struct uuid hash;
		memcpy(hash.bytes, keys[i].key, sizeof hash.bytes);
		array_uuid(&store->parameters, 1, &hash);
	}
	store_send(store, CHECK_KEYS);
}

void store_write_rows(struct postgres_store *store, const struct changes *changes, const struct row **rows, uint32_t count)
{
	assert(rows != NULL || count == 0);
	for (uint32_t i = 0, alike; i < count; i += alike) {
		assert(rows[i]->kind < ROW_KEY && (rows[i]->kind != ROW_SEAT || !is_new(rows[i])));
		alike = count_alike(&rows[i], count - i);
		if (!is_new(rows[i]))
			scalar_int(&store->parameters, 0, alike);
		for (uint32_t j = 0; j < alike; j++)
			put_row(store, rows[i + j]);
		store_send(store, is_new(rows[i]) ? statements_of[rows[i]->kind].insert : statements_of[rows[i]->kind].update);
		for (uint32_t j = 0; rows[i]->kind == ROW_SALE && is_new(rows[i]) && j < alike; j++)
			insert_seats(store, changes, AS(sale, rows[i + j]));
	}
}

/* The partition's published events under the id of the first. */
static bool put_entry(struct postgres_store *store, const struct changes *changes, uint8_t partition)
{
	assert(partition < OUTBOX_PARTITIONS);
	const struct uuid *id = NULL;
	buffer_clear(&store->scratch);
	for (uint32_t i = 0; i < changes->event_count; i++) {
		const struct event *event = &changes->events[i];
		if (!outbox_takes(partition, event))
			continue;
		buffer_append(&store->scratch, event->id.bytes, sizeof event->id.bytes);
		id = id == NULL ? &event->id : id;
	}
	if (id == NULL)
		return false;
	array_int(&store->parameters, 0, partition);
	array_uuid(&store->parameters, 1, id);
	put_scratch(store, 2, array_bytes);
	trace_states_write(&store->scratch, changes, partition);
	put_scratch(store, 3, array_text);
	return true;
}

/* Appends the records of operators' commands. */
static void append_audit(struct postgres_store *store, const struct changes *changes)
{
	assert(!changes->is_replay);
	char target[UUID_TEXT_LENGTH + 1];
	bool has_records = false;
	for (uint32_t i = 0; i < changes->event_count; i++) {
		if (slice_is_empty(changes->events[i].from))
			continue;
		const struct audit_record record = audit_record_of_event(&changes->events[i], target);
		stored_audit_put(parameter_places(&store->parameters), &record);
		has_records = true;
	}
	if (has_records)
		store_send(store, INSERT_AUDIT);
}

static void append_events(struct postgres_store *store, const struct changes *changes)
{
	assert(!changes->is_replay);
	if (changes->event_count == 0)
		return;
	uint8_t trace[TRACE_BYTES]; /* copied at once */
	for (uint32_t i = 0; i < changes->event_count; i++)
		stored_event_put(parameter_places(&store->parameters), &changes->events[i], trace);
	scalar_uuid(&store->parameters, 10, &changes->events[0].id);
	store_send(store, INSERT_EVENTS);
	bool has_entries = false;
	for (uint8_t partition = 0; partition < OUTBOX_PARTITIONS; partition++)
		has_entries = put_entry(store, changes, partition) || has_entries;
	if (has_entries)
		store_send(store, INSERT_OUTBOX);
}

/* The turn ends after the commit, so that the next to have it sees what was written, and ends whatever comes of that. */
static enum store_result finish(struct postgres_store *store, const struct changes *changes)
{
	assert(changes != NULL);
	if (changes->ends_turn && store->has_locks) {
		connection_end_body(&store->connection);
		connection_send_sql(&store->connection, UNLOCK_SHARDS, NULL);
	}
	enum store_result result = connection_finish(&store->connection, NULL, 0);
	if (result == STORE_OK && changes->ends_turn)
		store->has_locks = false;
	else if (changes->ends_turn)
		store->port.operations->end_turn(&store->port);
	return result;
}

static enum store_result try_to_write(struct postgres_store *store, const struct changes *changes, const struct row **rows,
                                      const struct row **relied)
{
	assert(store->transaction != TRANSACTION_WANTED);
	assert(!changes->is_replay);
	bool is_open = store->transaction == TRANSACTION_OPEN;
	enum store_result result = connection_begin(&store->connection);
	if (result != STORE_OK)
		return result;
	if (!is_open)
		store_send(store, BEGIN_WRITE);
	replay_fence(store, changes, true);
	if (!is_open)
		check_rows(store, relied, changes->relied_count);
	check_keys(store, changes->unused_keys, changes->unused_key_count);
	store_write_rows(store, changes, rows, changes->row_count);
	append_events(store, changes);
	append_audit(store, changes);
	store_send(store, COMMIT);
	return finish(store, changes);
}

/* A session that was ended while idle says so before anything is written: then another may do it. */
static enum store_result write_all(struct postgres_store *store, const struct changes *changes, const struct row **rows,
                                   const struct row **relied)
{
	assert(store->transaction == TRANSACTION_NONE);
	bool had_session = store->connection.handle != NULL;
	enum store_result result = try_to_write(store, changes, rows, relied);
	bool has_lost_it = had_session && store->connection.handle == NULL;
	return result == STORE_DOWN && has_lost_it ? try_to_write(store, changes, rows, relied) : result;
}

/* Without a transaction: versions only grow and keys are only used once, so what is found row after row was so together when the first
 * was looked at. */
static enum store_result check_all(struct postgres_store *store, const struct changes *changes, const struct row **relied)
{
	assert(store->transaction == TRANSACTION_NONE);
	assert(changes->row_count == 0 && changes->event_count == 0);
	enum store_result result = STORE_UNKNOWN;
	if (changes->relied_count + changes->unused_key_count == 0)
		return STORE_OK;
	bool had_session = store->connection.handle != NULL;
	for (int tries = 0; connection_may_repeat(&store->connection, had_session, result) && tries < 2;
	     tries++) { /* a session that was lost while idle is made again */
		result = connection_begin(&store->connection);
		if (result != STORE_OK)
			return result;
		replay_fence(store, changes, false);
		check_rows(store, relied, changes->relied_count);
		check_keys(store, changes->unused_keys, changes->unused_key_count);
		result = finish(store, changes);
	}
	return result == STORE_UNKNOWN ? STORE_DOWN : result;
}

/* Rows loaded in the transaction need no check: the server commits only if they have not changed. If the session is gone, so is the
 * transaction, with nothing written. */
static enum store_result commit_open(struct postgres_store *store, const struct changes *changes, const struct row **rows,
                                     const struct row **relied)
{
	assert(store->transaction == TRANSACTION_OPEN);
	enum store_result result = STORE_BUSY;
	if (store->connection.handle != NULL)
		result = try_to_write(store, changes, rows, relied);
	if (connection_has_transaction(&store->connection))
		connection_drop(&store->connection); /* there was no time to begin, and so none to roll it back */
	store->transaction = TRANSACTION_NONE;
	return result == STORE_DOWN && store->connection.handle == NULL ? STORE_BUSY : result;
}

enum store_result postgres_commit(struct store *port, const struct changes *changes)
{
	assert(changes != NULL && changes->arena != NULL);
	struct postgres_store *store = store_of(port);
	const struct row **rows = sort_rows(changes, changes->rows, changes->row_count);
	const struct row **relied = sort_rows(changes, changes->relied, changes->relied_count);
	if (rows == NULL || relied == NULL)
		return STORE_CORRUPT;
	store->connection.deadline_ns = port->deadline_ns;
	if (changes->is_replay)
		return replay_write(store, changes, rows);
	if (store->transaction == TRANSACTION_OPEN)
		return commit_open(store, changes, rows, relied);
	store->transaction = TRANSACTION_NONE;
	bool writes = changes->row_count > 0 || changes->event_count > 0;
	return writes ? write_all(store, changes, rows, relied) : check_all(store, changes, relied);
}
