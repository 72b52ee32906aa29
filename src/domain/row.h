/* row.h: what the sales, seats, holds, orders, payments, refunds and used keys of a view have in common.
 *
 * A version is the hybrid logical stamp (base/hlc.h) of the domain event that last changed the row; 0 means that there is no such row.
 * A row is written only where the store still has `stored_version`: that is the whole concurrency control. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum row_kind {
	ROW_SALE,
	ROW_SEAT,
	ROW_HOLD,
	ROW_ORDER,
	ROW_PAYMENT,
	ROW_REFUND,
	ROW_KEY,
	ROW_KIND_COUNT,
};

struct row {
	enum row_kind kind;
	bool is_changed;         /* differs from the store: on the view's changed list */
	bool is_flying;          /* on its way to the store, changed by a step that has ended: on a list of those */
	bool is_relied_on;       /* a decision of this batch rests on it */
	uint64_t version;        /* as it is in the view now */
	uint64_t stored_version; /* as it was loaded or last committed */
	uint64_t loaded_step;    /* the view's step that loaded it: a row loaded in this step needs no check */
	/* The view's own: they change, for other batches, while this row is being written. */
	uint64_t hash;
	struct row *next_in_bucket;
	struct list_node recency;
	struct list_node changed;
};
