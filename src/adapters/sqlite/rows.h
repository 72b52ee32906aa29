/* rows.h: the columns of the tables, and how they come out of a statement. Private to the SQLite adapter. */
#pragma once

#include <sqlite3.h>

#include "adapters/sql/stored_write.h"

/* The others as adapters/sql/stored.h reads them. */
#define SEAT_COLUMNS "event_id, seat, status - 1, holder_id, price, version" /* as seat_status_read does */
#define HOLD_COLUMNS "hold_id, event_id, user, sequence, status, created_at, expires_at, seats, version"
#define ORDER_COLUMNS \
	"order_id, hold_id, event_id, user, sequence, status, payment_method, currency, total, paid, kept, refunds_due, " \
	"refunded, refund_count, refunds_open, paid_with, created_at, pay_by, items, version"

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
/* Of the statement before it is run. */
struct places statement_places(sqlite3_stmt *statement);
