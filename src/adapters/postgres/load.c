/* load.c: every row that is needed, each kind by one statement, all in one round trip.
 *
 * Each key comes back with its row, or with NULLs in place of one; in a transaction of begin only where that is not what the view has. */
#include <assert.h>
#include <string.h>

#include "adapters/postgres/replay.h"
#include "adapters/postgres/rows.h"
#include "adapters/postgres/store.h"

/* The column after those of a row: its key. */
enum {
	SALE_KEY = 9,
	SEAT_KEY = 6,
	HOLD_KEY = 9,
	ORDER_KEY = 20,
	PAYMENT_KEY = 9,
	REFUND_KEY = 12,
	KEY_KEY = 4,
};

static bool put_sale(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	assert(view != NULL);
	(void)store;
	struct sale sale = {.event_id = field_uuid(tuple, SALE_KEY)};
	bool is_right = field_is_null(tuple, 0) || stored_sale_read(tuple_columns(&tuple), &sale);
	return is_right && view_put_sale(view, &sale) != NULL;
}

static bool put_seat(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	assert(view != NULL);
	(void)store;
	struct seat seat = {.event_id = field_uuid(tuple, SEAT_KEY), .label = seat_label_of(field_text(tuple, SEAT_KEY + 1))};
	bool is_right = field_is_null(tuple, 0) || stored_seat_read(tuple_columns(&tuple), &seat);
	return is_right && view_put_seat(view, &seat) != NULL;
}

static bool put_hold(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	assert(view != NULL);
	struct hold hold = {.hold_id = field_uuid(tuple, HOLD_KEY)};
	bool is_right = field_is_null(tuple, 0) || stored_hold_read(tuple_columns(&tuple), store->seats, &hold);
	return is_right && view_put_hold(view, &hold) != NULL;
}

static bool put_order(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	assert(view != NULL);
	struct order order = {.order_id = field_uuid(tuple, ORDER_KEY)};
	bool is_right = field_is_null(tuple, 0) || stored_order_read(tuple_columns(&tuple), store->items, &order);
	return is_right && order_is_balanced(&order) && view_put_order(view, &order) != NULL;
}

static bool put_payment(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	assert(view != NULL);
	(void)store;
	struct payment payment = {.transaction_id = short_text_of(field_text(tuple, PAYMENT_KEY))};
	if (!field_is_null(tuple, 0)) {
		if (!stored_payment_read(tuple_columns(&tuple), &payment))
			return false;
		payment.answer = field_text(tuple, PAYMENT_KEY + 1);
	}
	return view_put_payment(view, &payment) != NULL;
}

static bool put_refund(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	assert(view != NULL);
	(void)store;
	struct refund refund = {.refund_id = field_uuid(tuple, REFUND_KEY)};
	if (!field_is_null(tuple, 0)) {
		if (!stored_refund_read(tuple_columns(&tuple), &refund))
			return false;
		refund.answer = field_text(tuple, REFUND_KEY + 1);
	}
	return view_put_refund(view, &refund) != NULL;
}

static bool put_key(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	assert(view != NULL);
	(void)store;
	struct uuid hash = field_uuid(tuple, KEY_KEY), fingerprint = field_uuid(tuple, 2);
	struct key key = {.idempotency.is_present = true};
	memcpy(key.idempotency.key, hash.bytes, KEY_HASH_LENGTH);
	if (!field_is_null(tuple, 0)) {
		struct uuid event_id = field_uuid(tuple, 0);
		key.row.version = uuid_stamp(&event_id);
		key.stream_id = field_uuid(tuple, 1);
		memcpy(key.idempotency.fingerprint, fingerprint.bytes, KEY_HASH_LENGTH);
		key.answer = field_text(tuple, 3);
	}
	return view_put_key(view, &key) != NULL;
}

#define LOCK_WAIT_MS "1000"
#define LOCK_KEYS INT64_C(0x54524f00) /* "TRO", and the shard */

typedef bool put_row(struct postgres_store *store, struct tuple tuple, struct view *view);

/* Only in a transaction of begin the load may look into the view (ports/store.h). */
static bool may_know(const struct postgres_store *store)
{
	assert(store != NULL);
	return store->transaction != TRANSACTION_NONE;
}

/* In the form that LOAD expects: the rows that need not come again; NULL: none are known. */
static void put_known(struct postgres_store *store, const void *record)
{
	assert(store != NULL);
	const struct row *row = record;
	if (row != NULL)
		array_uint(&store->parameters, 0, row->stored_version);
	else
		array_int(&store->parameters, 0, -1);
}

static const void *find_row(const struct view *view, enum row_kind kind, const struct uuid *id)
{
	assert(kind == ROW_SALE || kind == ROW_HOLD || kind == ROW_ORDER);
	if (kind == ROW_SALE)
		return view_sale(view, id);
	return kind == ROW_HOLD ? (const void *)view_hold(view, id) : view_order(view, id);
}

/* Sends the statement unless there is nothing to ask. Answers how many were sent. */
static uint32_t send_some(struct postgres_store *store, enum store_statement statement, uint32_t count)
{
	assert((count == 0) == (store->parameters.count == 0));
	if (count > 0)
		store_send(store, statement);
	return count > 0;
}

/* Rows of a kind that have an id, of which LOAD asks. */
static uint32_t send_ids(struct postgres_store *store, const struct view *view, enum row_kind kind, const struct uuid *ids, uint32_t count)
{
	static const enum store_statement loads[] = {[ROW_SALE] = LOAD_SALES, [ROW_HOLD] = LOAD_HOLDS, [ROW_ORDER] = LOAD_ORDERS};
	assert(ids != NULL || count == 0);
	for (uint32_t i = 0; i < count; i++) {
		put_known(store, may_know(store) ? find_row(view, kind, &ids[i]) : NULL);
		array_uuid(&store->parameters, 1, &ids[i]);
	}
	return send_some(store, loads[kind], count);
}

static uint32_t send_seats(struct postgres_store *store, const struct needs *needs, const struct view *view)
{
	assert(needs->seats != NULL || needs->seat_count == 0);
	for (uint32_t i = 0; i < needs->seat_count; i++) {
		put_known(store, may_know(store) ? view_seat(view, &needs->seats[i].event_id, &needs->seats[i].label) : NULL);
		array_uuid(&store->parameters, 1, &needs->seats[i].event_id);
		array_bytes(&store->parameters, 2, seat_label_slice(&needs->seats[i].label));
	}
	return send_some(store, LOAD_SEATS, needs->seat_count);
}

static uint32_t send_payments(struct postgres_store *store, const struct needs *needs)
{
	assert(needs->payments != NULL || needs->payment_count == 0);
	for (uint32_t i = 0; i < needs->payment_count; i++)
		array_bytes(&store->parameters, 0, short_text_slice(&needs->payments[i]));
	return send_some(store, LOAD_PAYMENTS, needs->payment_count);
}

static uint32_t send_keys(struct postgres_store *store, const struct needs *needs)
{
	assert(needs->keys != NULL || needs->key_count == 0);
	for (uint32_t i = 0; i < needs->key_count; i++)
		(void)array_uuids(&store->parameters, 0,
		                  (struct slice){.data = (const char *)needs->keys[i].key, .length = KEY_HASH_LENGTH});
	return send_some(store, LOAD_KEYS, needs->key_count);
}

static uint32_t send_refunds(struct postgres_store *store, const struct needs *needs)
{
	assert(needs->refunds != NULL || needs->refund_count == 0);
	for (uint32_t i = 0; i < needs->refund_count; i++)
		array_uuid(&store->parameters, 0, &needs->refunds[i]);
	return send_some(store, LOAD_REFUNDS, needs->refund_count);
}

#define LOADS_MAX 8

/* Sends a statement for each kind that is needed; puts[i] takes the rows of the i-th. The first reads the epoch: rows that are read
 * after it are of that epoch or a later one. Answers the number of statements. */
static uint32_t send_all(struct postgres_store *store, const struct needs *needs, const struct view *view, put_row *puts[static LOADS_MAX])
{
	assert(needs != NULL && view != NULL);
	uint32_t count = 1;
	store_send(store, LOAD_EPOCH);
	puts[count] = put_sale;
	count += send_ids(store, view, ROW_SALE, needs->sales, needs->sale_count);
	puts[count] = put_seat;
	count += send_seats(store, needs, view);
	puts[count] = put_hold;
	count += send_ids(store, view, ROW_HOLD, needs->holds, needs->hold_count);
	puts[count] = put_order;
	count += send_ids(store, view, ROW_ORDER, needs->orders, needs->order_count);
	puts[count] = put_payment;
	count += send_payments(store, needs);
	puts[count] = put_refund;
	count += send_refunds(store, needs);
	puts[count] = put_key;
	count += send_keys(store, needs);
	assert(count <= LOADS_MAX);
	return count;
}

static uint32_t count_kinds(const struct needs *needs)
{
	assert(needs != NULL);
	const uint32_t counts[] = {needs->sale_count,    needs->seat_count,   needs->hold_count, needs->order_count,
	                           needs->payment_count, needs->refund_count, needs->key_count};
	uint32_t kinds = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++)
		kinds += counts[i] > 0 ? 1 : 0;
	return kinds;
}

/* Waits for the locks before a transaction begins. A session that has waited too long goes on without them. */
static void send_locks(struct postgres_store *store)
{
	assert(!store->wants_turn || !shard_set_is_empty(&store->shards));
	if (!store->wants_turn || connection_is_cockroach(&store->connection))
		return;
	if (store->has_locks) /* in one order with all the others, or two might wait for each other */
		connection_send_sql(&store->connection, UNLOCK_SHARDS, NULL);
	scalar_bytes(&store->parameters, 0, SLICE(LOCK_WAIT_MS));
	store_send(store, LIMIT_LOCK_WAIT);
	for (uint32_t shard = 0; shard < SHARD_COUNT; shard++)
		if (shard_set_has(&store->shards, (uint8_t)shard))
			array_int(&store->parameters, 0, LOCK_KEYS + shard);
	connection_send_sql(&store->connection, LOCK_SHARDS, &store->parameters);
	parameters_clear(&store->parameters);
	connection_end_head(&store->connection);
	store->has_locks = true;
}

/* One exchange, in the transaction of begin, or in one snapshot of its own where one statement is not all. Answers to the loads only. */
static enum store_result exchange(struct postgres_store *store, const struct needs *needs, const struct view *view,
                                  put_row *puts[static LOADS_MAX], PGresult *answers[static LOADS_MAX], uint32_t *ret_count)
{
	assert(store->connection.handle != NULL && ret_count != NULL);
	enum { BEGUN, LOADED };
	bool opens = store->transaction == TRANSACTION_WANTED;
	bool has_own = store->transaction == TRANSACTION_NONE && count_kinds(needs) > 1;
	PGresult *all[LOADED + LOADS_MAX];
	send_locks(store);
	if (opens)
		store->transaction = TRANSACTION_OPEN;
	if (opens || has_own)
		store_send(store, opens ? BEGIN_WRITE : BEGIN_LOAD);
	uint32_t first = opens || has_own ? LOADED : BEGUN;
	uint32_t count = send_all(store, needs, view, puts);
	if (has_own)
		store_send(store, COMMIT);
	enum store_result result = connection_finish(&store->connection, all, first + count);
	store->port.missed_turn = store->wants_turn && store->connection.has_head_failed;
	if (result != STORE_OK)
		return result;
	if (first > 0)
		PQclear(all[BEGUN]);
	memcpy(answers, &all[first], count * sizeof *answers);
	*ret_count = count;
	return STORE_OK;
}

static bool put_all(struct postgres_store *store, const PGresult *answer, put_row *put, struct view *view)
{
	assert(put != NULL && view != NULL);
	bool is_put = true;
	for (int row = 0; is_put && row < PQntuples(answer); row++)
		is_put = put(store, (struct tuple){.answer = answer, .row = row}, view);
	return is_put;
}

/* A session that was lost while idle is made again; one with an open transaction has lost that. */
static enum store_result load_answers(struct postgres_store *store, const struct needs *needs, const struct view *view,
                                      put_row *puts[static LOADS_MAX], PGresult *answers[static LOADS_MAX], uint32_t *ret_count)
{
	assert(!needs_are_empty(needs) && ret_count != NULL);
	bool begins = store->transaction != TRANSACTION_OPEN;
	bool had_session = store->connection.handle != NULL;
	enum transaction_state wanted = store->transaction;
	enum store_result result = STORE_UNKNOWN;
	for (int tries = 0; connection_may_repeat(&store->connection, had_session, result) && tries < 2; tries++) {
		if (!begins && store->connection.handle == NULL)
			return STORE_BUSY;
		result = connection_begin(&store->connection);
		if (result != STORE_OK)
			return result;
		store->transaction = wanted;
		result = exchange(store, needs, view, puts, answers, ret_count);
	}
	return result == STORE_UNKNOWN ? STORE_DOWN : result;
}

enum store_result postgres_load(struct store *port, const struct needs *needs, struct view *view)
{
	assert(needs != NULL && view != NULL && !needs_are_empty(needs));
	struct postgres_store *store = store_of(port);
	put_row *puts[LOADS_MAX];
	PGresult *answers[LOADS_MAX];
	uint32_t count = 0;
	store->connection.deadline_ns = port->deadline_ns;
	enum store_result result = load_answers(store, needs, view, puts, answers, &count);
	store->wants_turn = false;
	if (result != STORE_OK)
		return result;
	result = replay_enter_epoch(store, answers[0], view);
	for (uint32_t i = 1; i < count; i++)
		if (result == STORE_OK && !put_all(store, answers[i], puts[i], view))
			result = STORE_CORRUPT;
	for (uint32_t i = 0; i < count; i++)
		PQclear(answers[i]);
	return result == STORE_BUSY ? STORE_OK : result; /* the view is empty: it is looked again what is needed */
}
