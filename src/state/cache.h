/* cache.h: finds and puts rows in a view, for the files of the kinds. Private to state. */
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

/* Ignores row->kind, which callers of view_put may leave out. */
#define ROW_AS(type, row) ((const struct type *)(const void *)(row))

/* The row with the key; NULL: not loaded. A look-up is a use. */
const void *view_find(const struct view *view, const struct row_key *key);
/* Puts a copy of the row of this kind, with its version; it replaces an unchanged row with the same key. NULL: out of memory. */
must_check void *view_put(struct view *view, enum row_kind kind, const struct row *row);
/* Replaces the row with the same key by a copy, and keeps that row's versions. NULL: out of memory. */
must_check void *view_replace(struct view *view, enum row_kind kind, const struct row *row);
