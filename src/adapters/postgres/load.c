/* load.c: every row that is needed, each kind by one statement, all in one round trip.
 *
 * Each key comes back with its row, or with NULLs in place of one. */
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
	(void)store;
	struct sale sale = {.event_id = field_uuid(tuple, SALE_KEY)};
	bool is_right = field_is_null(tuple, 0) || stored_sale_read(tuple_columns(&tuple), &sale);
	return is_right && view_put_sale(view, &sale) != NULL;
}

static bool put_seat(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	(void)store;
	struct seat seat = {.event_id = field_uuid(tuple, SEAT_KEY), .label = seat_label_of(field_text(tuple, SEAT_KEY + 1))};
	bool is_right = field_is_null(tuple, 0) || stored_seat_read(tuple_columns(&tuple), &seat);
	return is_right && view_put_seat(view, &seat) != NULL;
}

static bool put_hold(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	struct hold hold = {.hold_id = field_uuid(tuple, HOLD_KEY)};
	bool is_right = field_is_null(tuple, 0) || stored_hold_read(tuple_columns(&tuple), store->seats, &hold);
	return is_right && view_put_hold(view, &hold) != NULL;
}

static bool put_order(struct postgres_store *store, struct tuple tuple, struct view *view)
{
	struct order order = {.order_id = field_uuid(tuple, ORDER_KEY)};
	bool is_right = field_is_null(tuple, 0) || stored_order_read(tuple_columns(&tuple), store->items, &order);
	return is_right && order_is_balanced(&order) && view_put_order(view, &order) != NULL;
}

static bool put_payment(struct postgres_store *store, struct tuple tuple, struct view *view)
{
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

typedef bool put_row(struct postgres_store *store, struct tuple tuple, struct view *view);

/* Ids all of one kind, when there are any. */
static uint32_t send_ids(struct postgres_store *store, enum store_statement statement, const struct uuid *ids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		array_uuid(&store->parameters, 0, &ids[i]);
	if (count > 0)
		store_send(store, statement);
	return count > 0;
}

static uint32_t send_seats(struct postgres_store *store, const struct needs *needs)
{
	for (uint32_t i = 0; i < needs->seat_count; i++) {
		array_uuid(&store->parameters, 0, &needs->seats[i].event_id);
		array_bytes(&store->parameters, 1, seat_label_slice(&needs->seats[i].label));
	}
	if (needs->seat_count > 0)
		store_send(store, LOAD_SEATS);
	return needs->seat_count > 0;
}

static uint32_t send_payments(struct postgres_store *store, const struct needs *needs)
{
	for (uint32_t i = 0; i < needs->payment_count; i++)
		array_bytes(&store->parameters, 0, short_text_slice(&needs->payments[i]));
	if (needs->payment_count > 0)
		store_send(store, LOAD_PAYMENTS);
	return needs->payment_count > 0;
}

static uint32_t send_keys(struct postgres_store *store, const struct needs *needs)
{
	for (uint32_t i = 0; i < needs->key_count; i++) {
		struct uuid hash;
		memcpy(hash.bytes, needs->keys[i].key, sizeof hash.bytes);
		array_uuid(&store->parameters, 0, &hash);
	}
	if (needs->key_count > 0)
		store_send(store, LOAD_KEYS);
	return needs->key_count > 0;
}

#define LOADS_MAX 7

/* Sends a statement for each kind that is needed; puts[i] is what to do with the rows of the i-th. The first is the epoch's: rows that are read
 * after it are not older than it says. Answers how many. */
static uint32_t send_all(struct postgres_store *store, const struct needs *needs, put_row *puts[static LOADS_MAX])
{
	uint32_t count = 1;
	store_send(store, LOAD_EPOCH);
	puts[count] = put_sale;
	count += send_ids(store, LOAD_SALES, needs->sales, needs->sale_count);
	puts[count] = put_seat;
	count += send_seats(store, needs);
	puts[count] = put_hold;
	count += send_ids(store, LOAD_HOLDS, needs->holds, needs->hold_count);
	puts[count] = put_order;
	count += send_ids(store, LOAD_ORDERS, needs->orders, needs->order_count);
	puts[count] = put_payment;
	count += send_payments(store, needs);
	puts[count] = put_refund;
	count += send_ids(store, LOAD_REFUNDS, needs->refunds, needs->refund_count);
	puts[count] = put_key;
	count += send_keys(store, needs);
	return count;
}

static bool put_all(struct postgres_store *store, const PGresult *answer, put_row *put, struct view *view)
{
	bool is_put = true;
	for (int row = 0; is_put && row < PQntuples(answer); row++)
		is_put = put(store, (struct tuple){.answer = answer, .row = row}, view);
	return is_put;
}

enum store_result postgres_load(struct store *port, const struct needs *needs, struct view *view)
{
	assert(needs != NULL && view != NULL && !needs_are_empty(needs));
	struct postgres_store *store = store_of(port);
	put_row *puts[LOADS_MAX];
	PGresult *answers[LOADS_MAX];
	uint32_t count = 0;
	enum store_result result = STORE_UNKNOWN;
	store->connection.deadline_ns = port->deadline_ns;
	bool had_session = store->connection.handle != NULL;
	for (int tries = 0; store_may_repeat(store, had_session, result) && tries < 2;
	     tries++) { /* a session that was lost while idle is made again */
		result = connection_begin(&store->connection);
		if (result != STORE_OK)
			return result;
		count = send_all(store, needs, puts);
		result = connection_finish(&store->connection, answers, count);
	}
	if (result != STORE_OK)
		return result == STORE_UNKNOWN ? STORE_DOWN : result;
	result = replay_enter_epoch(store, answers[0], view);
	for (uint32_t i = 1; i < count; i++)
		if (result == STORE_OK && !put_all(store, answers[i], puts[i], view))
			result = STORE_CORRUPT;
	for (uint32_t i = 0; i < count; i++)
		PQclear(answers[i]);
	return result == STORE_BUSY ? STORE_OK : result; /* the view is empty: it is looked again what is needed */
}
