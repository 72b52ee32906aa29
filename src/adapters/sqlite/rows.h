/* rows.h: the columns of the tables, and how they come out of a statement. Private to the SQLite adapter. */
#pragma once

#include <sqlite3.h>

#include "adapters/sql/stored.h"

/* As adapters/sql/stored.h reads them. */
#define SALE_COLUMNS "event_id, sequence, status, currency, on_sale_from, on_sale_until, seat_count, settled, version"
#define SEAT_COLUMNS "event_id, seat, status - 1, holder_id, price, version" /* as seat_status_read does */
#define HOLD_COLUMNS "hold_id, event_id, user, sequence, status, created_at, expires_at, seats, version"
#define ORDER_COLUMNS \
	"order_id, hold_id, event_id, user, sequence, status, payment_method, currency, total, paid, kept, refunds_due, " \
	"refunded, refund_count, refunds_open, paid_with, created_at, pay_by, items, version"
#define PAYMENT_COLUMNS "transaction_id, order_id, status, amount, currency, refund_id, second_refund_id, applied_by, version"
#define REFUND_COLUMNS \
	"refund_id, order_id, event_id, transaction_id, amount, currency, reason, status, created_at, done_at, closed_by, version"
#define EVENT_COLUMNS "id, stream_id, sequence, type, occurred_at, actor, trace, idempotency_key, fingerprint, data"

/* enum seat_status as it is stored (db/sqlite/001_core.sql says why). */
static inline int64_t seat_status_stored(enum seat_status status)
{
	return (int64_t)status + 1;
}

static inline enum seat_status seat_status_read(uint64_t stored)
{
	return (enum seat_status)(stored - 1);
}

/* Of the row that the statement is at. */
struct columns statement_columns(sqlite3_stmt *statement);
