/* event_pages.h: the public pages, of one event or of a list of events, as JSON, from the catalog.
 *
 * For half a second a page is served as it was made; for up to two seconds it is served, and made again meanwhile. After that a job
 * waits for the new page; one fetch serves all jobs that wait for it. A job does not wait for long: when the fetch is late the job gets
 * the page of the last minute if there is one, or is refused, and the fetch goes on for later jobs. While the catalog does not serve,
 * pages of the last minute are served at once.
 *
 * Any thread may call these functions, but only the catalog lane calls event_pages_fetch. */
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
	uint64_t patience_ms;    /* a job waits so long for its page; a quarter of that when there is an old one */
	/* Hands a fetch to the catalog lane, which calls event_pages_fetch with it, once. ERR_OVERLOADED, ERR_SHUTTING_DOWN: it was not. */
	enum error (*submit)(void *context, struct job *fetch);
	/* Called when the catalog has answered a fetch, or was not to be asked, before any job is answered. Without a lock. May be NULL. */
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
/* Answers the jobs that have waited long enough. True: others still wait; call it every EVENT_PAGES_TICK_MS while they do. */
bool event_pages_give_up(struct event_pages *pages, uint64_t monotonic_ms);
#define EVENT_PAGES_TICK_MS 20
/* Asks the catalog for the page and answers all who wait for it; frees the fetch. *is_down: in, the catalog is not to be asked; out, it was
 * asked and does not answer. */
void event_pages_fetch(struct event_pages *pages, struct job *job, uint64_t monotonic_ms, bool *is_down);
/* This process has changed the catalog: pages are made again before they are served. */
void event_pages_outdate(struct event_pages *pages);

/* One event, as an object. */
void event_page_write_entry(struct json_writer *writer, const struct catalog_entry *entry);
