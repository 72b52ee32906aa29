/* load.c: one look-up by its key for each row, all in one read transaction. */
#include <assert.h>
#include <string.h>

#include "adapters/sqlite/rows.h"
#include "adapters/sqlite/store.h"

static bool is_answer(int code)
{
	return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* After the look-up: a row that cannot be right, and a view without memory, are answers that were not put. */
static enum store_result put_result(int code, bool is_put)
{
	assert(is_answer(code) || !is_put);
	return is_answer(code) && !is_put ? STORE_CORRUPT : database_result(code);
}

static enum store_result load_sale(struct sqlite_store *store, const struct uuid *event_id, struct view *view)
{
	assert(event_id != NULL && view != NULL);
	sqlite3_stmt *statement = store->database.statements[SELECT_SALE];
	struct sale sale = {.event_id = *event_id};
	bind_uuid(statement, 1, event_id);
	int code = database_step(&store->database, SELECT_SALE);
	bool is_right = code == SQLITE_DONE || (code == SQLITE_ROW && stored_sale_read(statement_columns(statement), &sale));
	bool is_put = is_right && view_put_sale(view, &sale) != NULL;
	database_reset(&store->database, SELECT_SALE);
	return put_result(code, is_put);
}

static enum store_result load_seat(struct sqlite_store *store, const struct seat_name *name, struct view *view)
{
	assert(name != NULL && view != NULL);
	sqlite3_stmt *statement = store->database.statements[SELECT_SEAT];
	struct seat seat = {.event_id = name->event_id, .label = name->label};
	bind_uuid(statement, 1, &name->event_id);
	bind_text(statement, 2, seat_label_slice(&name->label));
	int code = database_step(&store->database, SELECT_SEAT);
	bool is_right = code == SQLITE_DONE || (code == SQLITE_ROW && stored_seat_read(statement_columns(statement), &seat));
	bool is_put = is_right && view_put_seat(view, &seat) != NULL;
	database_reset(&store->database, SELECT_SEAT);
	return put_result(code, is_put);
}

static enum store_result load_hold(struct sqlite_store *store, const struct uuid *hold_id, struct view *view)
{
	assert(hold_id != NULL && view != NULL);
	sqlite3_stmt *statement = store->database.statements[SELECT_HOLD];
	struct hold hold = {.hold_id = *hold_id};
	bind_uuid(statement, 1, hold_id);
	int code = database_step(&store->database, SELECT_HOLD);
	bool is_right = code == SQLITE_DONE || (code == SQLITE_ROW && stored_hold_read(statement_columns(statement), store->seats, &hold));
	bool is_put = is_right && view_put_hold(view, &hold) != NULL;
	database_reset(&store->database, SELECT_HOLD);
	return put_result(code, is_put);
}

static enum store_result load_order(struct sqlite_store *store, const struct uuid *order_id, struct view *view)
{
	assert(order_id != NULL && view != NULL);
	sqlite3_stmt *statement = store->database.statements[SELECT_ORDER];
	struct order order = {.order_id = *order_id};
	bind_uuid(statement, 1, order_id);
	int code = database_step(&store->database, SELECT_ORDER);
	bool is_right =
		code == SQLITE_DONE || (code == SQLITE_ROW && stored_order_read(statement_columns(statement), store->items, &order));
	bool is_put = is_right && order_is_balanced(&order) && view_put_order(view, &order) != NULL;
	database_reset(&store->database, SELECT_ORDER);
	return put_result(code, is_put);
}

static enum store_result load_payment(struct sqlite_store *store, const struct short_text *transaction_id, struct view *view)
{
	assert(transaction_id != NULL && view != NULL);
	sqlite3_stmt *statement = store->database.statements[SELECT_PAYMENT];
	struct payment payment = {.transaction_id = *transaction_id};
	bind_text(statement, 1, short_text_slice(transaction_id));
	int code = database_step(&store->database, SELECT_PAYMENT);
	bool is_right = code == SQLITE_DONE || (code == SQLITE_ROW && stored_payment_read(statement_columns(statement), &payment));
	if (is_right && code == SQLITE_ROW)
		payment.answer = column_text(statement, 9);
	bool is_put = is_right && view_put_payment(view, &payment) != NULL;
	database_reset(&store->database, SELECT_PAYMENT);
	return put_result(code, is_put);
}

static enum store_result load_refund(struct sqlite_store *store, const struct uuid *refund_id, struct view *view)
{
	assert(refund_id != NULL && view != NULL);
	sqlite3_stmt *statement = store->database.statements[SELECT_REFUND];
	struct refund refund = {.refund_id = *refund_id};
	bind_uuid(statement, 1, refund_id);
	int code = database_step(&store->database, SELECT_REFUND);
	bool is_right = code == SQLITE_DONE || (code == SQLITE_ROW && stored_refund_read(statement_columns(statement), &refund));
	if (is_right && code == SQLITE_ROW)
		refund.answer = column_text(statement, 12);
	bool is_put = is_right && view_put_refund(view, &refund) != NULL;
	database_reset(&store->database, SELECT_REFUND);
	return put_result(code, is_put);
}

static bool read_key(sqlite3_stmt *statement, struct key *key)
{
	assert(key != NULL);
	struct uuid event_id = column_uuid(statement, 0);
	struct slice fingerprint = column_text(statement, 2);
	if (fingerprint.length != KEY_HASH_LENGTH)
		return false;
	key->row.version = uuid_stamp(&event_id);
	key->stream_id = column_uuid(statement, 1);
	key->idempotency.is_present = true;
	memcpy(key->idempotency.fingerprint, fingerprint.data, KEY_HASH_LENGTH);
	key->answer = column_text(statement, 3);
	return true;
}

static enum store_result load_key(struct sqlite_store *store, const struct idempotency *idempotency, struct view *view)
{
	assert(idempotency != NULL && view != NULL);
	sqlite3_stmt *statement = store->database.statements[SELECT_ANSWER];
	struct key key = {.idempotency = *idempotency};
	int64_t position;
	int code = key_index_find(&store->index, &store->database, idempotency->key, &position);
	if (code != SQLITE_OK)
		return database_result(code);
	if (position == 0)
		return view_put_key(view, &key) == NULL ? STORE_CORRUPT : STORE_OK;
	bind_int(statement, 1, position);
	code = database_step(&store->database, SELECT_ANSWER);
	bool is_put = code == SQLITE_ROW && read_key(statement, &key) && view_put_key(view, &key) != NULL;
	database_reset(&store->database, SELECT_ANSWER);
	return put_result(code, is_put);
}

static enum store_result load_keys(struct sqlite_store *store, const struct needs *needs, struct view *view)
{
	assert(needs->keys != NULL || needs->key_count == 0);
	if (needs->key_count == 0)
		return STORE_OK;
	enum store_result result = database_result(key_index_follow(&store->index, &store->database));
	for (uint32_t i = 0; result == STORE_OK && i < needs->key_count; i++)
		result = load_key(store, &needs->keys[i], view);
	return result;
}

/* A view of a store that somebody else has written to since may be wrong in any row. */
static enum store_result follow(struct sqlite_store *store, struct view *view)
{
	assert(view != NULL);
	int64_t position;
	int code = store_last_position(store, &position);
	if (code != SQLITE_OK)
		return database_result(code);
	if (store->found_epoch == 0)
		return STORE_CORRUPT;
	if (store->found_epoch != store->epoch) { /* events have lost their keys */
		key_index_release(&store->index);
		store->epoch = store->found_epoch;
	}
	if (!view_enter_epoch(view, store->found_epoch)) {
		store->seen_position = -1;
		return STORE_BUSY;
	}
	if (position != store->seen_position && !view_has_changes(view)) {
		view_clear(view);
		store->seen_position = position;
	}
	return STORE_OK;
}

static enum store_result load_all(struct sqlite_store *store, const struct needs *needs, struct view *view)
{
	assert(sqlite3_get_autocommit(store->database.handle) == 0);
	enum store_result result = follow(store, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->sale_count; i++)
		result = load_sale(store, &needs->sales[i], view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->seat_count; i++)
		result = load_seat(store, &needs->seats[i], view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->hold_count; i++)
		result = load_hold(store, &needs->holds[i], view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->order_count; i++)
		result = load_order(store, &needs->orders[i], view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->payment_count; i++)
		result = load_payment(store, &needs->payments[i], view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->refund_count; i++)
		result = load_refund(store, &needs->refunds[i], view);
	return result == STORE_OK ? load_keys(store, needs, view) : result;
}

enum store_result sqlite_load(struct store *port, const struct needs *needs, struct view *view)
{
	assert(needs != NULL && view != NULL);
	struct sqlite_store *store = store_of(port);
	int code = database_begin(&store->database, BEGIN_READ);
	if (code != SQLITE_OK)
		return database_result(code);
	enum store_result result = load_all(store, needs, view);
	database_rollback(&store->database); /* nothing was written: it only ends the moment that was read */
	return result;
}
