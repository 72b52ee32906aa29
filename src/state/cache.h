/* cache.h: how the files of the kinds find and put rows in a view. Private to state. */
#pragma once

#include "base/attributes.h"
#include "domain/state.h"
#include "state/kinds.h"

/* A field of struct `type`, in the descriptor's words. */
#define ROW_FIELD(record, field_type, member, field_name) \
	{ \
		field_name, field_type, offsetof(struct record, member) \
	}
#define ROW_FIELDS(array) .fields = (array), .field_count = sizeof(array) / sizeof *(array)

/* Whatever row->kind says: who hands a row to view_put may leave it out. */
#define ROW_AS(type, row) ((const struct type *)(const void *)(row))

/* The row with the key; NULL: not loaded. A look-up is a use. */
const void *view_find(const struct view *view, const struct row_key *key);
/* Puts a copy of the row of this kind, with its version; one with the same key, which nothing has changed, goes. NULL: out of memory. */
must_check void *view_put(struct view *view, enum row_kind kind, const struct row *row);
/* Puts a copy in the place of the row with its key, and keeps the versions of that. NULL: out of memory. */
must_check void *view_replace(struct view *view, enum row_kind kind, const struct row *row);
