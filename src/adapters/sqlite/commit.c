/* commit.c: everything or nothing, in one transaction: what is expected is checked by the statement that writes it.
 *
 * The functions answer SQLite's codes; SQLITE_CONSTRAINT says that something is not as expected, whoever found it. */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "adapters/sqlite/rows.h"
#include "adapters/sqlite/store.h"

#define AS(type, row) ((const struct type *)(const void *)(row))

/* Runs an update that must find its row as it was. */
static int update(struct sqlite_store *store, uint32_t statement)
{
	int code = database_run(&store->database, statement);
	return code == SQLITE_OK && sqlite3_changes(store->database.handle) != 1 ? SQLITE_CONSTRAINT : code;
}

struct seating {
	struct sqlite_store *store;
	const struct sale *sale;
	uint32_t count;
	int code;
};

static enum error insert_seat(void *context, const struct layout_seat *seat)
{
	struct seating *seating = context;
	sqlite3_stmt *statement = seating->store->database.statements[INSERT_SEAT];
	bind_uuid(statement, 1, &seating->sale->event_id);
	bind_text(statement, 2, seat->seat);
	bind_text(statement, 3, seat->section);
	bind_text(statement, 4, seat->row);
	bind_int(statement, 5, seat->price);
	bind_uint(statement, 6, seating->sale->row.version);
	seating->code = database_run(&seating->store->database, INSERT_SEAT);
	seating->count++;
	return seating->code == SQLITE_OK ? OK : ERR_SYSTEM;
}

/* The seats of a new sale, one after the other. */
static int insert_seats(struct sqlite_store *store, const struct changes *changes, const struct sale *sale, int64_t *ret_first)
{
	struct seating seating = {.store = store, .sale = sale, .code = SQLITE_OK};
	for (uint32_t i = 0; i < changes->event_count; i++) {
		const struct event *event = &changes->events[i];
		if (event->type != EVENT_SALE_CREATED || !uuid_equal(&event->event_id, &sale->event_id))
			continue;
		if (layout_each_seat(&event->layout, insert_seat, &seating) != OK)
			return seating.code;
	}
	assert(seating.count == sale->seat_count);
	*ret_first = sqlite3_last_insert_rowid(store->database.handle) - seating.count + 1;
	return SQLITE_OK;
}

static int insert_sale(struct sqlite_store *store, const struct changes *changes, const struct sale *sale)
{
	int64_t first_seat = 0;
	int code = insert_seats(store, changes, sale, &first_seat);
	if (code != SQLITE_OK)
		return code;
	sqlite3_stmt *statement = store->database.statements[INSERT_SALE];
	bind_uuid(statement, 1, &sale->event_id);
	bind_int(statement, 2, sale->sequence);
	bind_int(statement, 3, sale->status);
	bind_text(statement, 4, slice_of(sale->currency.code));
	bind_uint(statement, 5, sale->on_sale_from_ms);
	bind_uint(statement, 6, sale->on_sale_until_ms);
	bind_int(statement, 7, sale->seat_count);
	bind_int(statement, 8, sale->is_settled);
	bind_uint(statement, 9, sale->row.version);
	bind_int(statement, 10, first_seat);
	return database_run(&store->database, INSERT_SALE);
}

static int update_sale(struct sqlite_store *store, const struct sale *sale)
{
	sqlite3_stmt *statement = store->database.statements[UPDATE_SALE];
	bind_uuid(statement, 1, &sale->event_id);
	bind_uint(statement, 2, sale->row.stored_version);
	bind_int(statement, 3, sale->sequence);
	bind_int(statement, 4, sale->status);
	bind_uint(statement, 5, sale->row.version);
	bind_int(statement, 6, sale->is_settled);
	return update(store, UPDATE_SALE);
}

static int update_seat(struct sqlite_store *store, const struct seat *seat)
{
	assert(seat->row.stored_version != 0); /* seats come with their sale */
	sqlite3_stmt *statement = store->database.statements[UPDATE_SEAT];
	bind_uuid(statement, 1, &seat->event_id);
	bind_text(statement, 2, seat_label_slice(&seat->label));
	bind_uint(statement, 3, seat->row.stored_version);
	bind_int(statement, 4, seat_status_stored(seat->status));
	bind_uuid(statement, 5, &seat->holder_id);
	bind_uint(statement, 6, seat->row.version);
	return update(store, UPDATE_SEAT);
}

static int insert_hold(struct sqlite_store *store, const struct hold *hold)
{
	buffer_clear(&store->scratch);
	stored_seats_write(&store->scratch, hold);
	if (store->scratch.failed)
		return SQLITE_NOMEM;
	sqlite3_stmt *statement = store->database.statements[INSERT_HOLD];
	bind_uuid(statement, 1, &hold->hold_id);
	bind_uuid(statement, 2, &hold->event_id);
	bind_text(statement, 3, short_text_slice(&hold->user));
	bind_int(statement, 4, hold->sequence);
	bind_int(statement, 5, hold->status);
	bind_uint(statement, 6, hold->created_at_ms);
	bind_uint(statement, 7, hold->expires_at_ms);
	bind_text(statement, 8, buffer_slice(&store->scratch));
	bind_uint(statement, 9, hold->row.version);
	return database_run(&store->database, INSERT_HOLD);
}

static int update_hold(struct sqlite_store *store, const struct hold *hold)
{
	sqlite3_stmt *statement = store->database.statements[UPDATE_HOLD];
	bind_uuid(statement, 1, &hold->hold_id);
	bind_uint(statement, 2, hold->row.stored_version);
	bind_int(statement, 3, hold->sequence);
	bind_int(statement, 4, hold->status);
	bind_uint(statement, 5, hold->row.version);
	return update(store, UPDATE_HOLD);
}

/* paid, kept, refunds_due, refunded, refund_count, refunds_open, paid_with: from that index on. */
static void bind_account(sqlite3_stmt *statement, int index, const struct order *order)
{
	bind_int(statement, index, order->paid);
	bind_int(statement, index + 1, order->kept);
	bind_int(statement, index + 2, order->refunds_due);
	bind_int(statement, index + 3, order->refunded);
	bind_int(statement, index + 4, order->refund_count);
	bind_int(statement, index + 5, order->refunds_open);
	bind_text(statement, index + 6, short_text_slice(&order->paid_with));
}

static int insert_order(struct sqlite_store *store, const struct order *order)
{
	buffer_clear(&store->scratch);
	stored_items_write(&store->scratch, order);
	if (store->scratch.failed)
		return SQLITE_NOMEM;
	sqlite3_stmt *statement = store->database.statements[INSERT_ORDER];
	bind_uuid(statement, 1, &order->order_id);
	bind_uuid(statement, 2, &order->hold_id);
	bind_uuid(statement, 3, &order->event_id);
	bind_text(statement, 4, short_text_slice(&order->user));
	bind_int(statement, 5, order->sequence);
	bind_int(statement, 6, order->status);
	bind_int(statement, 7, order->payment_method);
	bind_text(statement, 8, slice_of(order->currency.code));
	bind_int(statement, 9, order->total);
	bind_account(statement, 10, order);
	bind_uint(statement, 17, order->created_at_ms);
	bind_uint(statement, 18, order->pay_by_ms);
	bind_text(statement, 19, buffer_slice(&store->scratch));
	bind_uint(statement, 20, order->row.version);
	return database_run(&store->database, INSERT_ORDER);
}

static int update_order(struct sqlite_store *store, const struct order *order)
{
	sqlite3_stmt *statement = store->database.statements[UPDATE_ORDER];
	bind_uuid(statement, 1, &order->order_id);
	bind_uint(statement, 2, order->row.stored_version);
	bind_int(statement, 3, order->sequence);
	bind_int(statement, 4, order->status);
	bind_uint(statement, 5, order->row.version);
	bind_account(statement, 6, order);
	return update(store, UPDATE_ORDER);
}

static int insert_payment(struct sqlite_store *store, const struct payment *payment)
{
	sqlite3_stmt *statement = store->database.statements[INSERT_PAYMENT];
	bind_text(statement, 1, short_text_slice(&payment->transaction_id));
	bind_uuid(statement, 2, &payment->order_id);
	bind_int(statement, 3, payment->status);
	bind_int(statement, 4, payment->amount);
	bind_text(statement, 5, slice_of(payment->currency.code));
	bind_uuid(statement, 6, &payment->refund_ids[0]);
	bind_uuid(statement, 7, &payment->refund_ids[1]);
	bind_uuid(statement, 8, &payment->applied_by);
	bind_uint(statement, 9, payment->row.version);
	return database_run(&store->database, INSERT_PAYMENT);
}

static int update_payment(struct sqlite_store *store, const struct payment *payment)
{
	sqlite3_stmt *statement = store->database.statements[UPDATE_PAYMENT];
	bind_text(statement, 1, short_text_slice(&payment->transaction_id));
	bind_uint(statement, 2, payment->row.stored_version);
	bind_int(statement, 3, payment->status);
	bind_int(statement, 4, payment->amount);
	bind_text(statement, 5, slice_of(payment->currency.code));
	bind_uuid(statement, 6, &payment->refund_ids[0]);
	bind_uuid(statement, 7, &payment->refund_ids[1]);
	bind_uuid(statement, 8, &payment->applied_by);
	bind_uint(statement, 9, payment->row.version);
	return update(store, UPDATE_PAYMENT);
}

static int insert_refund(struct sqlite_store *store, const struct refund *refund)
{
	sqlite3_stmt *statement = store->database.statements[INSERT_REFUND];
	bind_uuid(statement, 1, &refund->refund_id);
	bind_uuid(statement, 2, &refund->order_id);
	bind_uuid(statement, 3, &refund->event_id);
	bind_text(statement, 4, short_text_slice(&refund->transaction_id));
	bind_int(statement, 5, refund->amount);
	bind_text(statement, 6, slice_of(refund->currency.code));
	bind_int(statement, 7, refund->reason);
	bind_int(statement, 8, refund->status);
	bind_uint(statement, 9, refund->created_at_ms);
	bind_uint(statement, 10, refund->done_at_ms);
	bind_uuid(statement, 11, &refund->closed_by);
	bind_uint(statement, 12, refund->row.version);
	return database_run(&store->database, INSERT_REFUND);
}

static int update_refund(struct sqlite_store *store, const struct refund *refund)
{
	sqlite3_stmt *statement = store->database.statements[UPDATE_REFUND];
	bind_uuid(statement, 1, &refund->refund_id);
	bind_uint(statement, 2, refund->row.stored_version);
	bind_int(statement, 3, refund->status);
	bind_uint(statement, 4, refund->done_at_ms);
	bind_uuid(statement, 5, &refund->closed_by);
	bind_uint(statement, 6, refund->row.version);
	return update(store, UPDATE_REFUND);
}

static int write_row(struct sqlite_store *store, const struct changes *changes, const struct row *row)
{
	bool is_new = row->stored_version == 0;
	switch (row->kind) {
	case ROW_SALE:
		return is_new ? insert_sale(store, changes, AS(sale, row)) : update_sale(store, AS(sale, row));
	case ROW_SEAT:
		return update_seat(store, AS(seat, row));
	case ROW_HOLD:
		return is_new ? insert_hold(store, AS(hold, row)) : update_hold(store, AS(hold, row));
	case ROW_ORDER:
		return is_new ? insert_order(store, AS(order, row)) : update_order(store, AS(order, row));
	case ROW_PAYMENT:
		return is_new ? insert_payment(store, AS(payment, row)) : update_payment(store, AS(payment, row));
	case ROW_REFUND:
		return is_new ? insert_refund(store, AS(refund, row)) : update_refund(store, AS(refund, row));
	case ROW_KEY:
	case ROW_KIND_COUNT:
		break;
	}
	assert(false && "keys are written with their events");
	return SQLITE_MISUSE;
}

static int insert_event(struct sqlite_store *store, const struct event *event)
{
	sqlite3_stmt *statement = store->database.statements[INSERT_EVENT];
	uint8_t trace[TRACE_BYTES];
	stored_trace_write(&event->trace, trace);
	bind_uuid(statement, 1, &event->id);
	bind_uuid(statement, 2, &event->stream_id);
	bind_int(statement, 3, event->sequence);
	bind_int(statement, 4, event->type);
	bind_uint(statement, 5, event->occurred_at_ms);
	bind_text(statement, 6, event->actor);
	bind_bytes(statement, 7, trace, sizeof trace);
	if (event->idempotency.is_present) {
		bind_bytes(statement, 8, event->idempotency.key, KEY_HASH_LENGTH);
		bind_bytes(statement, 9, event->idempotency.fingerprint, KEY_HASH_LENGTH);
	} else {
		(void)sqlite3_bind_null(statement, 8);
		(void)sqlite3_bind_null(statement, 9);
	}
	bind_text(statement, 10, event->data);
	return database_run(&store->database, INSERT_EVENT);
}

/* The partition's published events under the id of the first. first_position: of the first event of the changes; the others follow it. */
static int insert_outbox(struct sqlite_store *store, const struct changes *changes, uint8_t partition, int64_t first_position)
{
	const struct uuid *id = NULL;
	buffer_clear(&store->scratch);
	for (uint32_t i = 0; i < changes->event_count; i++) {
		const struct event *event = &changes->events[i];
		if (!event_type_is_published(event->type) || outbox_partition(&event->stream_id) != partition)
			continue;
		uint64_t position = htole64((uint64_t)first_position + i);
		buffer_append(&store->scratch, &position, sizeof position);
		id = id == NULL ? &event->id : id;
	}
	if (id == NULL)
		return SQLITE_OK;
	if (store->scratch.failed)
		return SQLITE_NOMEM;
	sqlite3_stmt *statement = store->database.statements[INSERT_OUTBOX];
	bind_int(statement, 1, partition);
	bind_uuid(statement, 2, id);
	bind_bytes(statement, 3, store->scratch.data, store->scratch.length);
	return database_run(&store->database, INSERT_OUTBOX);
}

static int append_events(struct sqlite_store *store, const struct changes *changes, int64_t last_position)
{
	int code = changes->event_count > 0 ? key_index_write(&store->index, &store->database) : SQLITE_OK;
	for (uint32_t i = 0; code == SQLITE_OK && i < changes->event_count; i++)
		code = insert_event(store, &changes->events[i]);
	if (code == SQLITE_OK && changes->event_count > 0)
		assert(sqlite3_last_insert_rowid(store->database.handle) == last_position + changes->event_count);
	for (uint8_t partition = 0; code == SQLITE_OK && partition < OUTBOX_PARTITIONS; partition++)
		code = insert_outbox(store, changes, partition, last_position + 1);
	return code;
}

static enum store_statement bind_key_of(struct sqlite_store *store, const struct row *row, int *ret_version_column)
{
	sqlite3_stmt **statements = store->database.statements;
	switch (row->kind) {
	case ROW_SALE:
		bind_uuid(statements[SELECT_SALE], 1, &AS(sale, row)->event_id);
		*ret_version_column = 8;
		return SELECT_SALE;
	case ROW_SEAT:
		bind_uuid(statements[SELECT_SEAT], 1, &AS(seat, row)->event_id);
		bind_text(statements[SELECT_SEAT], 2, seat_label_slice(&AS(seat, row)->label));
		*ret_version_column = 5;
		return SELECT_SEAT;
	case ROW_HOLD:
		bind_uuid(statements[SELECT_HOLD], 1, &AS(hold, row)->hold_id);
		*ret_version_column = 8;
		return SELECT_HOLD;
	case ROW_ORDER:
		bind_uuid(statements[SELECT_ORDER], 1, &AS(order, row)->order_id);
		*ret_version_column = 19;
		return SELECT_ORDER;
	case ROW_REFUND:
		bind_uuid(statements[SELECT_REFUND], 1, &AS(refund, row)->refund_id);
		*ret_version_column = 11;
		return SELECT_REFUND;
	default:
		assert(row->kind == ROW_PAYMENT);
		bind_text(statements[SELECT_PAYMENT], 1, short_text_slice(&AS(payment, row)->transaction_id));
		*ret_version_column = 8;
		return SELECT_PAYMENT;
	}
}

static int check_relied(struct sqlite_store *store, const struct row *row)
{
	int version_column;
	enum store_statement statement = bind_key_of(store, row, &version_column);
	int code = database_step(&store->database, statement);
	uint64_t version = code == SQLITE_ROW ? column_uint(store->database.statements[statement], version_column) : 0;
	database_reset(&store->database, statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return code;
	return version == row->stored_version ? SQLITE_OK : SQLITE_CONSTRAINT;
}

static int check_unused(struct sqlite_store *store, const struct idempotency *idempotency)
{
	int64_t position;
	int code = key_index_find(&store->index, &store->database, idempotency->key, &position);
	return code == SQLITE_OK && position != 0 ? SQLITE_CONSTRAINT : code;
}

/* The keys of the events, and those of refused commands, must be new. Within the changes they are: the view has seen to that. */
static int check_keys(struct sqlite_store *store, const struct changes *changes)
{
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
	for (uint32_t i = 0; i < changes->event_count; i++)
		if (changes->events[i].idempotency.is_present)
			return true;
	return changes->unused_key_count > 0;
}

static int write_all(struct sqlite_store *store, const struct changes *changes, int64_t last_position)
{
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
	return code;
}

static enum store_result end(struct sqlite_store *store, int code)
{
	if (code != SQLITE_OK) {
		database_rollback(&store->database);
		return database_result(code);
	}
	code = database_run(&store->database, COMMIT);
	if (code == SQLITE_OK)
		return STORE_OK;
	database_rollback(&store->database);
	/* What was written of it may be found whole after a crash, so it is not certain that nothing was. */
	return (code & 0xff) == SQLITE_IOERR ? STORE_UNKNOWN : database_result(code);
}

/* Within the transaction that replay has begun; what fails takes all of it back. */
static enum store_result write_replayed(struct sqlite_store *store, const struct changes *changes)
{
	int code = SQLITE_OK;
	for (uint32_t i = 0; code == SQLITE_OK && i < changes->row_count; i++)
		code = write_row(store, changes, changes->rows[i]);
	if (code != SQLITE_OK)
		database_rollback(&store->database);
	return database_result(code);
}

enum store_result sqlite_commit(struct store *port, const struct changes *changes)
{
	assert(changes != NULL);
	struct sqlite_store *store = store_of(port);
	if (changes->is_replay && sqlite3_get_autocommit(store->database.handle) == 0)
		return write_replayed(store, changes);
	bool writes = changes->row_count > 0 || (changes->event_count > 0 && !changes->is_replay);
	int64_t last_position;
	int code = database_run(&store->database, writes ? BEGIN_WRITE : BEGIN_READ);
	if (code != SQLITE_OK)
		return database_result(code);
	code = store_last_position(store, &last_position);
	if (code == SQLITE_OK)
		code = write_all(store, changes, last_position);
	enum store_result result = end(store, code);
	key_index_end(&store->index, result == STORE_OK);
	if (result == STORE_OK && !changes->is_replay && last_position == store->seen_position)
		store->seen_position = last_position + changes->event_count;
	return result;
}
