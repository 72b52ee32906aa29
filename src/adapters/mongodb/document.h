/* document.h: entries and filters as MongoDB has them. Private to the MongoDB adapter.
 *
 *	{_id: UUID, name, venue, description, starts_at: Date, status: "on_sale" …, currency, on_sale_from: Date or null,
 *	 on_sale_until: Date or null, seat_count: Long, created_at: Date, version: Long, folded: {venue}}
 *
 * folded: in small ASCII letters, for filters to compare. A text of a client is only ever a value, never the name of a field. */
#pragma once

#include <mongoc/mongoc.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "ports/catalog.h"

/* Appends the whole document. False: a text is no UTF-8 or there is no memory. */
must_check bool mongodb_document_write(bson_t *document, const struct catalog_entry *entry);
/* Texts live in the arena. False: the document is none of ours, or there is no memory. */
must_check bool mongodb_document_read(const bson_t *document, struct arena *arena, struct catalog_entry *ret_entry);

void mongodb_append_id(bson_t *document, const char *key, const struct uuid *id);
/* Appends the conditions of the filter, which is empty when it is NULL, and that the id is past `after`, unless that is NULL.
 * False: a text is no UTF-8 or there is no memory. */
must_check bool mongodb_append_filter(bson_t *query, const struct catalog_filter *filter, const struct uuid *after);
