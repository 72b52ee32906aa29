/* rows.h: rows of the projections and domain events as they come out of an answer. Private to the PostgreSQL adapter. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/sale.h"
#include "domain/seat.h"
#include "ports/reader.h"

/* The columns that the functions below read, in their order. */
#define SALE_COLUMNS "event_id, sequence, status, currency, on_sale_from, on_sale_until, seat_count, version"
#define SEAT_COLUMNS "event_id, seat, status, holder_id, price, version"
#define HOLD_COLUMNS "hold_id, event_id, user_id, sequence, status, created_at, expires_at, seats, version"
#define ORDER_COLUMNS \
	"order_id, hold_id, event_id, user_id, sequence, status, payment_method, currency, total, refund_required, created_at, pay_by, " \
	"items, version"
#define PAYMENT_COLUMNS "transaction_id, order_id, status, applied_by, version"
#define EVENT_COLUMNS "id, stream_id, sequence, type, occurred_at, actor, trace, idempotency_key, fingerprint, data"

/* events.trace */
#define TRACE_BYTES (16 + 8 + 1)

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

/* False: what is stored cannot be right. *ret_row may be half filled then. */
must_check bool tuple_read_sale(struct tuple tuple, struct sale *ret_sale);
must_check bool tuple_read_seat(struct tuple tuple, struct seat *ret_seat);
/* The seats and items are written to the array given. */
must_check bool tuple_read_hold(struct tuple tuple, struct seat_label seats[static SEATS_PER_HOLD_LIMIT], struct hold *ret_hold);
must_check bool tuple_read_order(struct tuple tuple, struct order_item items[static SEATS_PER_HOLD_LIMIT], struct order *ret_order);
/* Without the answer. */
must_check bool tuple_read_payment(struct tuple tuple, struct payment *ret_payment);

/* Texts are copied into the arena. False also when that is full. */
must_check bool tuple_read_event(struct tuple tuple, struct arena *arena, struct event_record *ret_record);

/* Labels and items as the columns holds.seats and orders.items have them; buffer->failed when they do not fit. */
void hold_seats_write(struct buffer *buffer, const struct hold *hold);
void order_items_write(struct buffer *buffer, const struct order *order);
