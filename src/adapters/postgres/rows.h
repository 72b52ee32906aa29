/* rows.h: the columns of the tables, and how they come out of an answer. Private to the PostgreSQL adapter. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/postgres/parameters.h"
#include "adapters/sql/stored_write.h"
#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/uuid.h"

/* The others as adapters/sql/stored.h reads them. */
#define SEAT_COLUMNS "event_id, seat, status, holder_id, price, version"
#define HOLD_COLUMNS "hold_id, event_id, user_id, sequence, status, created_at, expires_at, seats, version"
#define ORDER_COLUMNS \
	"order_id, hold_id, event_id, user_id, sequence, status, payment_method, currency, total, paid, kept, refunds_due, " \
	"refunded, refund_count, refunds_open, paid_with, created_at, pay_by, items, version"

/* Records of the audit, from arrays: $1 to $9. */
#define AUDIT_UNNEST \
	"SELECT unnest($1::uuid[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::text[]), unnest($5::text[])," \
	" unnest($6::text[]), unnest($7::text[]), unnest($8::text[]), unnest($9::int8[])"

/* A row of an answer in binary format. */
struct tuple {
	const PGresult *answer;
	int row;
};

/* Columns are read defensively: NULL, and one of another length than expected, read as zero. */
bool field_is_null(struct tuple tuple, int column);
int64_t field_int(struct tuple tuple, int column);
uint64_t field_uint(struct tuple tuple, int column);
struct uuid field_uuid(struct tuple tuple, int column);
/* Text or bytes, borrowed from the answer. */
struct slice field_text(struct tuple tuple, int column);
/* A copy; data is NULL when the arena is full. */
must_check struct slice field_copy(struct tuple tuple, int column, struct arena *arena);

/* Of *tuple, which is borrowed. */
struct columns tuple_columns(struct tuple *tuple);

/* Elements of the arrays of a statement that writes many rows at once. Values are copied. */
struct places parameter_places(struct parameters *parameters);
