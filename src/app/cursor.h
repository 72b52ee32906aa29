/* cursor.h: the place where a list goes on, as a text that only this service understands.
 *
 * A cursor belongs to its list: the kind of query and its id. A checksum catches a cursor that is cut, mistyped or of another list; it
 * is no secret, because a forged cursor only names another place in the same list. */
#pragma once

#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/slice.h"

#define CURSOR_TEXT_LENGTH 48

/* Writes the cursor that makes `query` go on behind its `after` (QUERY_EVENTS and QUERY_REFUNDS: its after_id); terminated. */
void cursor_format(const struct query *query, char text[static CURSOR_TEXT_LENGTH + 1]);
/* Writes the member "next_cursor" of a list: the cursor of `next`, the query for the next page; NULL: the list is complete. */
void cursor_write(struct json_writer *writer, const struct query *next);
/* Lets the query go on behind the cursor; its kind and id are set. ERR_CURSOR_INVALID: *query is untouched. */
must_check enum error cursor_parse(struct slice text, struct query *query);
