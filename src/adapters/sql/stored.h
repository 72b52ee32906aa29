/* stored.h: rows, events and catalog entries as SQL databases have them: which value is in which column, and what cannot be right.
 *
 * For the adapters of such databases, which differ in how a column is fetched and not in what it means. Codes are the enumerations of the
 * domain, times are milliseconds since 1970, ids and hashes are 16 bytes. The columns of each row are named where it is read, in their
 * order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "base/trace_context.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "domain/sale.h"
#include "domain/seat.h"
#include "ports/catalog.h"
#include "ports/reader.h"

/* The columns of the tables, in the order in which they are read and written here; those that both databases name alike. */
#define SALE_COLUMNS "event_id, sequence, status, currency, on_sale_from, on_sale_until, seat_count, settled, version"
#define PAYMENT_COLUMNS "transaction_id, order_id, status, amount, currency, refund_id, second_refund_id, applied_by, version"
#define REFUND_COLUMNS \
	"refund_id, order_id, event_id, transaction_id, amount, currency, reason, status, created_at, done_at, closed_by, version"
#define EVENT_COLUMNS "id, stream_id, sequence, type, occurred_at, actor, trace, idempotency_key, fingerprint, data"
#define CATALOG_COLUMNS \
	"event_id, name, venue, description, starts_at, status, currency, on_sale_from, on_sale_until, seat_count, created_at, version"

/* A row of an answer. */
struct columns {
	const struct column_operations *operations;
	void *source; /* borrowed: the adapter's */
};

struct column_operations {
	/* NULL, and a value that is no integer, is 0. */
	int64_t (*get_int)(void *source, int column);
	/* Text or bytes, borrowed from the answer; data is NULL for NULL. */
	struct slice (*get_text)(void *source, int column);
};

/* Each answers false when the stored row cannot be right; *ret_row may be half filled then. */

/* event_id, sequence, status, currency, on_sale_from, on_sale_until, seat_count, settled, version */
must_check bool stored_sale_read(struct columns columns, struct sale *ret_sale);
/* event_id, seat, status, holder_id, price, version */
must_check bool stored_seat_read(struct columns columns, struct seat *ret_seat);
/* hold_id, event_id, user, sequence, status, created_at, expires_at, seats, version. The seats are written to the array given. */
must_check bool stored_hold_read(struct columns columns, struct seat_label seats[static SEATS_PER_HOLD_LIMIT], struct hold *ret_hold);
/* order_id, hold_id, event_id, user, sequence, status, payment_method, currency, total, paid, kept, refunds_due, refunded, refund_count,
 * refunds_open, paid_with, created_at, pay_by, items, version.
 * The items are written to the array given. */
must_check bool stored_order_read(struct columns columns, struct order_item items[static SEATS_PER_HOLD_LIMIT], struct order *ret_order);
/* transaction_id, order_id, status, amount, currency, refund_id, second_refund_id, applied_by, version; without the answer. */
must_check bool stored_payment_read(struct columns columns, struct payment *ret_payment);
/* refund_id, order_id, event_id, transaction_id, amount, currency, reason, status, created_at, done_at, closed_by, version; without the
 * answer. */
must_check bool stored_refund_read(struct columns columns, struct refund *ret_refund);
/* active holds, pending orders, paid orders, what those have paid, currency, settled */
must_check bool stored_account_read(struct columns columns, struct sale_account *ret_account);
/* Any of these, not ROW_KEY, in the arena. NULL: it cannot be right, or the arena is full. */
must_check const struct row *stored_row_read(struct columns columns, enum row_kind kind, struct arena *arena);
/* The same; a row that cannot be right has its key, version 0 and nothing else. NULL: the key cannot be right either, or the arena is
 * full. */
must_check const struct row *stored_row_scan(struct columns columns, enum row_kind kind, struct arena *arena);

/* Texts are copied into the arena; false also when that is full. */

/* id, stream_id, sequence, type, occurred_at, actor, trace, idempotency_key, fingerprint, data */
must_check bool stored_event_read(struct columns columns, struct arena *arena, struct event_record *ret_record);
/* event_id, name, venue, description, starts_at, status, currency, on_sale_from, on_sale_until, seat_count, created_at, version */
must_check bool stored_catalog_entry_read(struct columns columns, struct arena *arena, struct catalog_entry *ret_entry);

/* The column events.trace: trace id, span id, flags. */
#define TRACE_BYTES (16 + 8 + 1)
