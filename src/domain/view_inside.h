/* view_inside.h: how rows that were copied get into a view. Private to domain. */
#pragma once

#include <stdint.h>

#include "domain/row.h"

struct view;

/* Takes ownership of `row`, whose key fields are set; one with the same key, which nothing has changed, goes. */
void view_insert_row(struct view *view, struct row *row, enum row_kind kind, uint64_t version);
/* Takes ownership of `row`, in the place of the one with its key, whose versions it gets. */
void view_swap_row(struct view *view, struct row *row);
