/* rows.h: rows of the projections and domain events as they come out of a statement. Private to the SQLite adapter. */
#pragma once

#include <sqlite3.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/sale.h"
#include "domain/seat.h"
#include "ports/reader.h"

/* The columns that the functions below read, in their order. */
#define SALE_COLUMNS "event_id, sequence, status, currency, on_sale_from, on_sale_until, seat_count, version"
#define SEAT_COLUMNS "event_id, seat, status, holder_id, price, version"
#define HOLD_COLUMNS "hold_id, event_id, user, sequence, status, created_at, expires_at, seats, version"
#define ORDER_COLUMNS \
	"order_id, hold_id, event_id, user, sequence, status, payment_method, currency, total, refund_required, created_at, pay_by, " \
	"items, version"
#define PAYMENT_COLUMNS "transaction_id, order_id, status, applied_by, version"
#define EVENT_COLUMNS "id, stream_id, sequence, type, occurred_at, actor, trace, idempotency_key, fingerprint, data"

/* events.trace */
#define TRACE_BYTES (16 + 8 + 1)

/* enum seat_status as it is stored (db/sqlite/001_core.sql says why). */
static inline int64_t seat_status_stored(enum seat_status status)
{
	return (int64_t)status + 1;
}

static inline enum seat_status seat_status_read(uint64_t stored)
{
	return (enum seat_status)(stored - 1);
}

/* False: what is stored cannot be right. *ret_row may be half filled then. */
must_check bool sqlite_read_sale(sqlite3_stmt *statement, struct sale *ret_sale);
must_check bool sqlite_read_seat(sqlite3_stmt *statement, struct seat *ret_seat);
/* The seats and items are written to the array given. */
must_check bool sqlite_read_hold(sqlite3_stmt *statement, struct seat_label seats[static SEATS_PER_HOLD_LIMIT], struct hold *ret_hold);
must_check bool sqlite_read_order(sqlite3_stmt *statement, struct order_item items[static SEATS_PER_HOLD_LIMIT], struct order *ret_order);
/* Without the answer. */
must_check bool sqlite_read_payment(sqlite3_stmt *statement, struct payment *ret_payment);

/* Texts are copied into the arena. False also when that is full. */
must_check bool sqlite_read_event(sqlite3_stmt *statement, struct arena *arena, struct event_record *ret_record);

/* Labels and items as the columns holds.seats and orders.items have them; buffer->failed when they do not fit. */
void sqlite_write_seats(struct buffer *buffer, const struct hold *hold);
void sqlite_write_items(struct buffer *buffer, const struct order *order);
