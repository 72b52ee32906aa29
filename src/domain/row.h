/* row.h: the common first member of sales, seats, holds, orders, payments, refunds and used keys.
 *
 * A version is the hybrid logical stamp (base/hlc.h) of the domain event that last changed the row; 0 means that there is no such row.
 * The store writes a row only if it still has `stored_version`: that is the whole concurrency control. */
#pragma once

#include <stdint.h>

/* Numbers are stored in no table, but PostgreSQL's statements name those of holds and orders. */
#define ROW_KINDS(X) \
	X(SALE, sale) \
	X(SEAT, seat) \
	X(HOLD, hold) \
	X(ORDER, order) \
	X(PAYMENT, payment) \
	X(REFUND, refund) \
	X(KEY, key) /* the last: no table has it */

enum row_kind {
#define X(NAME, name) ROW_##NAME,
	ROW_KINDS(X)
#undef X
		ROW_KIND_COUNT,
};

struct row {
	enum row_kind kind;
	uint64_t version;        /* as it is now */
	uint64_t stored_version; /* as it was loaded or last committed */
};
