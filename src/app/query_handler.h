/* query_handler.h: what clients read of their holds and orders, and of seats: the answer to a query, as JSON, from the store's reader.
 *
 * Rows and text are made in memory of the handler's own, which stays, and only the finished body goes to the request. One thread at a time. */
#pragma once

#include <stdint.h>

#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "ports/reader.h"

struct query_handler;

/* The reader is borrowed. ERR_NO_MEMORY. */
must_check enum error query_handler_new(struct reader *reader, struct query_handler **ret_handler);
/* Takes NULL. */
void query_handler_free(struct query_handler *handler);

/* Answers any query but those of events (app/event_pages.h). *ret_body lives in the arena.
 *   QUERY_HOLD, QUERY_ORDER   the resource as it is now (codec/event_json.h)
 *   …_HISTORY                 {data:[{id, type, version, occurred_at, data}], next_cursor}
 *   QUERY_REFUNDS             {data:[refund …], next_cursor}
 *   QUERY_SEATS               {data:[{seat, section, row, price, status}], next_cursor}; section and row are null when there is none
 *   QUERY_AVAILABILITY        {data:[{section, total, available, price_from}]}; in time in proportion to the seats
 * ERR_HOLD_UNKNOWN, ERR_ORDER_UNKNOWN (also of another user), ERR_EVENT_UNKNOWN, ERR_STORE_UNAVAILABLE, ERR_CORRUPT, ERR_NO_MEMORY. */
must_check enum error query_handler_answer(struct query_handler *handler, const struct query *query, uint64_t now_ms, struct arena *arena,
                                           struct slice *ret_body);
