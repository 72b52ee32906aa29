/* event_pages.h: what people browse: one event or a page of them, as JSON, from the catalog.
 *
 * A page is shown as it was made for half a second; up to two seconds it is shown too, and made again meanwhile. Then a job waits until it is
 * made, by one fetch for all who ask for it at the time. A job does not wait for long: what comes too late it finds as it was within the last
 * minute, else it is refused, and the fetch goes on for those who come later. While the catalog does not serve, pages of the last minute are
 * shown at once.
 *
 * Every function may be called from any thread, but event_pages_fetch, which is the catalog lane's. */
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

#define EVENT_PAGES_FRESH_MS 500
#define EVENT_PAGES_STALE_MS 2000
#define EVENT_PAGES_KEPT_MS 60000
#define EVENT_PAGES_FETCHES_MAX 64 /* at once; beyond it pages that are not kept are refused with ERR_OVERLOADED */

struct event_pages_options {
	struct catalog *catalog; /* borrowed: of event_pages_fetch alone */
	struct random *random;   /* borrowed during the call */
	uint64_t patience_ms;    /* how long a job waits for its page; a quarter of that when there is an old one */
	/* Hands a fetch to the catalog lane, which calls event_pages_fetch with it, once. ERR_OVERLOADED, ERR_SHUTTING_DOWN: it was not. */
	enum error (*submit)(void *context, struct job *fetch);
	/* The catalog was asked for this fetch, and nobody is answered yet; or it was not to be asked. Called without a lock. May be NULL. */
	void (*asked)(void *context, const struct job *fetch, bool is_down);
	/* The job's outcome is complete. Called without a lock. */
	void (*answer)(void *context, struct job *job);
	void *context;
};

/* ERR_NO_MEMORY. */
must_check enum error event_pages_new(const struct event_pages_options *options, struct event_pages **ret_pages);
/* Nobody waits, and no fetch is under way. Takes NULL. */
void event_pages_free(struct event_pages *pages);

/* Answers a job with QUERY_EVENT, the event, or QUERY_EVENTS, {data:[…], next_cursor} (codec/sale_json.h): at once, or later from another
 * thread. Bodies live in the job's arena. ERR_EVENT_UNKNOWN, ERR_CATALOG_UNAVAILABLE, ERR_OVERLOADED, ERR_NO_MEMORY. */
void event_pages_ask(struct event_pages *pages, struct job *job, uint64_t monotonic_ms);
/* Answers the jobs that have waited long enough. Whether there are others that wait. Call it every EVENT_PAGES_TICK_MS while there are. */
bool event_pages_give_up(struct event_pages *pages, uint64_t monotonic_ms);
#define EVENT_PAGES_TICK_MS 20
/* Asks the catalog for the page and answers all who wait for it; frees the fetch. *is_down: in, the catalog is not to be asked; out, it was
 * asked and does not answer. */
void event_pages_fetch(struct event_pages *pages, struct job *job, uint64_t monotonic_ms, bool *is_down);
/* The catalog was changed by this process: pages are made again before they are shown. */
void event_pages_outdate(struct event_pages *pages);

/* One event, as an object. */
void event_page_write_entry(struct json_writer *writer, const struct catalog_entry *entry);
