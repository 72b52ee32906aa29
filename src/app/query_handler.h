/* query_handler.h: answers clients' queries about holds, orders and seats, as JSON, from the store's reader.
 *
 * The handler keeps memory of its own for rows and text; only the finished body goes to the request. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/list.h"
#include "ports/reader.h"

struct query_handler;

struct query_handler_options {
	struct reader *reader; /* borrowed */
	/* These jobs have their outcomes; takes them all off. Called while the others are still being read, so that a query for a row
	 * does not wait for a query for a list. */
	void (*answered)(void *context, struct list *jobs);
	void *context;
};

/* ERR_NO_MEMORY. */
must_check enum error query_handler_new(const struct query_handler_options *options, struct query_handler **ret_handler);
/* Takes NULL. */
void query_handler_free(struct query_handler *handler);

/* Answers jobs with any queries but those of events (app/event_pages.h), with as few calls of the reader as there can be. A body lives in
 * the arena of its job.
 *   QUERY_HOLD, QUERY_ORDER   the resource as it is now (codec/event_json.h)
 *   …_HISTORY                 {data:[{id, type, version, occurred_at, data}], next_cursor}
 *   QUERY_REFUNDS             {data:[refund …], next_cursor}
 *   QUERY_SEATS               {data:[{seat, section, row, price, status}], next_cursor}; section and row are null when there is none
 *   QUERY_AVAILABILITY        {data:[{section, total, available, price_from}]}; in time in proportion to the seats
 * ERR_HOLD_UNKNOWN, ERR_ORDER_UNKNOWN (also of another user), ERR_EVENT_UNKNOWN, ERR_CORRUPT, ERR_NO_MEMORY; ERR_STORE_UNAVAILABLE: the
 * store refused this one alone. False: the store is down; the jobs that it has not answered are left in the list, without an outcome. */
must_check bool query_handler_answer(struct query_handler *handler, struct list *jobs, uint64_t now_ms);
