/* event_pages.h: what people browse: one event or a page of them, as JSON, from the catalog.
 *
 * A page that was served within the last minute is served while the catalog is down. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "ports/catalog.h"
#include "ports/random.h"

struct event_pages;

/* All borrowed. ERR_NO_MEMORY. */
must_check enum error event_pages_new(struct catalog *catalog, struct random *random, struct event_pages **ret_pages);
/* Takes NULL. */
void event_pages_free(struct event_pages *pages);

/* Answers QUERY_EVENT with the event, QUERY_EVENTS with {data:[…], next_cursor} (codec/sale_json.h). monotonic_ms: for the age of pages.
 * *is_down: in, the catalog is not to be asked; out, it was asked and does not answer. *ret_body lives in the arena. ERR_EVENT_UNKNOWN,
 * ERR_CATALOG_UNAVAILABLE, ERR_NO_MEMORY. */
must_check enum error event_pages_answer(struct event_pages *pages, const struct query *query, uint64_t monotonic_ms, struct arena *arena,
                                         bool *is_down, struct slice *ret_body);

/* One event, as an object. */
void event_page_write_entry(struct json_writer *writer, const struct catalog_entry *entry);
