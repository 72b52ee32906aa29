/* event_pages.c: entries of the catalog to JSON; the pages made last, and who waits for which. */
#include "app/event_pages.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "app/cursor.h"
#include "app/page_cache.h"
#include "base/buffer.h"
#include "base/json_writer.h"
#include "codec/sale_json.h"

#define ENTRIES_BLOCK (64 * 1024)
#define ENTRIES_MAX (32 * 1024 * 1024)
#define BODY_MAX (32 * 1024 * 1024)
#define PAGES_KEPT_MAX 1024
#define BYTES_KEPT_MAX (16 * 1024 * 1024)

/* A page that is being made. */
struct page_fetch {
	struct job job; /* handed to the lane */
	struct page_key key;
	struct list_node node;
	struct list waiters; /* jobs */
	char texts[];        /* of the filter: the request that it came with may be gone */
};

struct event_pages {
	struct event_pages_options options;
	pthread_mutex_t mutex; /* guards: */
	struct page_cache *cache;
	struct list fetches;
	uint32_t fetch_count;
	bool is_in_trouble; /* the last fetch failed, or somebody waited too long since */

	struct arena entries; /* of the fetch at hand: the catalog lane's */
	struct buffer body;   /* the same */
};

enum error event_pages_new(const struct event_pages_options *options, struct event_pages **ret_pages)
{
	assert(options != NULL && options->catalog != NULL && options->random != NULL);
	assert(options->submit != NULL && options->answer != NULL && ret_pages != NULL);

	struct event_pages *pages = calloc(1, sizeof *pages);
	if (pages == NULL)
		return ERR_NO_MEMORY;
	const struct page_cache_options cache = {
		.pages_max = PAGES_KEPT_MAX,
		.bytes_max = BYTES_KEPT_MAX,
		.age_max_ms = EVENT_PAGES_KEPT_MS,
		.seed = {.k0 = random_u64(options->random), .k1 = random_u64(options->random)},
	};
	enum error error = page_cache_new(&cache, &pages->cache);
	if (error != OK) {
		free(pages);
		return error;
	}
	pages->options = *options;
	(void)pthread_mutex_init(&pages->mutex, NULL);
	list_init(&pages->fetches);
	arena_init(&pages->entries, ENTRIES_BLOCK, ENTRIES_MAX);
	buffer_init(&pages->body, NULL, BODY_MAX);
	*ret_pages = pages;
	return OK;
}

void event_pages_free(struct event_pages *pages)
{
	if (pages == NULL)
		return;
	assert(pages->fetch_count == 0);
	page_cache_free(pages->cache);
	(void)pthread_mutex_destroy(&pages->mutex);
	arena_release(&pages->entries);
	buffer_release(&pages->body);
	free(pages);
}

void event_page_write_entry(struct json_writer *writer, const struct catalog_entry *entry)
{
	assert(writer != NULL && entry != NULL);
	const struct sale_summary summary = {
		.event_id = entry->event_id,
		.details = entry->details,
		.on_sale_from_ms = entry->on_sale_from_ms,
		.on_sale_until_ms = entry->on_sale_until_ms,
		.currency = entry->currency,
		.status = entry->status,
		.seat_count = entry->seat_count,
		.created_at_ms = entry->created_at_ms,
	};
	json_writer_object_begin(writer, NULL);
	sale_summary_write(writer, &summary);
	json_writer_object_end(writer);
}

static enum catalog_result write_event(struct event_pages *pages, const struct query *query, bool *ret_is_found)
{
	assert(query->kind == QUERY_EVENT);
	assert(ret_is_found != NULL);
	const struct catalog_entry *entry;
	enum catalog_result result = pages->options.catalog->operations->find(pages->options.catalog, &query->id, &pages->entries, &entry);
	if (result != CATALOG_OK)
		return result;
	*ret_is_found = entry != NULL;
	if (entry == NULL)
		return CATALOG_OK;
	struct json_writer writer = json_writer_on(&pages->body);
	event_page_write_entry(&writer, entry);
	return CATALOG_OK;
}

static enum catalog_result write_list(struct event_pages *pages, const struct query *query)
{
	assert(query->kind == QUERY_EVENTS);
	assert(query->limit >= 1 && query->limit <= QUERY_LIMIT_MAX);
	/* One more than asked for tells whether there is a next page. */
	struct catalog_list list;
	const struct uuid *after = query->has_after_id ? &query->after_id : NULL;
	enum catalog_result result = pages->options.catalog->operations->search(pages->options.catalog, &query->filter, after,
	                                                                        query->limit + 1, &pages->entries, &list);
	if (result != CATALOG_OK)
		return result;
	bool has_more = list.count > query->limit;
	uint32_t count = has_more ? query->limit : list.count;
	struct json_writer writer = json_writer_on(&pages->body);
	json_writer_object_begin(&writer, NULL);
	json_writer_array_begin(&writer, "data");
	for (uint32_t i = 0; i < count; i++)
		event_page_write_entry(&writer, &list.entries[i]);
	json_writer_array_end(&writer);
	struct query next = *query;
	if (has_more)
		next.after_id = list.entries[count - 1].event_id;
	cursor_write(&writer, has_more ? &next : NULL);
	json_writer_object_end(&writer);
	return CATALOG_OK;
}

/* The body is written when this answers OK. */
static enum error ask_catalog(struct event_pages *pages, const struct query *query, bool *is_down)
{
	assert(is_down != NULL);
	if (*is_down)
		return ERR_CATALOG_UNAVAILABLE;
	arena_clear(&pages->entries);
	buffer_clear(&pages->body);
	bool is_found = true;
	bool is_one = query->kind == QUERY_EVENT;
	enum catalog_result result = is_one ? write_event(pages, query, &is_found) : write_list(pages, query);
	*is_down = result != CATALOG_OK;
	if (*is_down)
		return ERR_CATALOG_UNAVAILABLE;
	if (pages->body.failed)
		return ERR_NO_MEMORY;
	return is_found ? OK : ERR_EVENT_UNKNOWN;
}

static struct page_fetch *fetch_of(struct list_node *node)
{
	assert(node != NULL);
	return container_of(node, struct page_fetch, node);
}

static struct job *job_of(struct list_node *node)
{
	assert(node != NULL);
	return container_of(node, struct job, node);
}

static struct slice keep_text(char **end, struct slice text)
{
	assert(text.data != NULL || text.length == 0);
	struct slice kept = {.data = *end, .length = text.length};
	if (text.length > 0)
		memcpy(*end, text.data, text.length);
	*end += text.length;
	return kept;
}

/* NULL: there are too many, or there is no memory. With the lock. */
static struct page_fetch *begin_fetch(struct event_pages *pages, const struct job *job, const struct page_key *key, uint64_t now_ms)
{
	assert(pages->fetch_count <= EVENT_PAGES_FETCHES_MAX);
	const struct query *query = &job->query;
	if (pages->fetch_count == EVENT_PAGES_FETCHES_MAX)
		return NULL;
	struct page_fetch *fetch = malloc(sizeof *fetch + query->filter.venue.length + query->filter.words.length);
	if (fetch == NULL)
		return NULL;
	*fetch = (struct page_fetch){.job = {.kind = JOB_FETCH, .query = *query, .trace = job->trace, .deadline_ns = UINT64_MAX},
	                             .key = *key};
	fetch->job.way.entered_ns[0] = now_ms * 1000000; /* earlier failures say nothing about it */
	fetch->job.query.user = (struct slice){0};
	char *end = fetch->texts;
	fetch->job.query.filter.venue = keep_text(&end, query->filter.venue);
	fetch->job.query.filter.words = keep_text(&end, query->filter.words);
	list_init(&fetch->waiters);
	list_push(&pages->fetches, &fetch->node);
	pages->fetch_count++;
	return fetch;
}

/* NULL: nobody makes this page. With the lock. */
static struct page_fetch *fetch_under_way(struct event_pages *pages, const struct page_key *key)
{
	assert(key != NULL);
	for (struct list_node *node = pages->fetches.head.next; node != &pages->fetches.head; node = node->next)
		if (page_key_equal(&fetch_of(node)->key, key))
			return fetch_of(node);
	return NULL;
}

static void show(struct job *job, struct slice page)
{
	assert(job->arena != NULL && page.data != NULL);
	job->outcome.body = arena_copy(job->arena, page);
	job->outcome.error = job->outcome.body.data == NULL ? ERR_NO_MEMORY : OK;
}

/* Answers with the page of the last minute if there is one, else with the error. With the lock. */
static void show_what_was(struct event_pages *pages, struct job *job, enum error error, uint64_t now_ms)
{
	assert(error != OK);
	struct cached_page page = page_cache_find(pages->cache, &job->query, now_ms);
	job->outcome.error = error;
	if (page.text.data != NULL)
		show(job, page.text);
}

static void answer_all(struct event_pages *pages, struct list *jobs)
{
	assert(jobs != NULL);
	for (struct list_node *node = list_pop(jobs); node != NULL; node = list_pop(jobs))
		pages->options.answer(pages->options.context, job_of(node));
}

/* Ends a fetch, whether or not it took place. `page` is the new page, unless there is an error. */
static void end_fetch(struct event_pages *pages, struct page_fetch *fetch, enum error error, struct slice page, uint64_t now_ms)
{
	struct list answered;
	list_init(&answered);
	(void)pthread_mutex_lock(&pages->mutex);
	assert(pages->fetch_count > 0);
	if (error == OK)
		page_cache_put(pages->cache, &fetch->job.query, page, now_ms);
	if (error == OK || error == ERR_EVENT_UNKNOWN)
		pages->is_in_trouble = false;
	else if (error == ERR_CATALOG_UNAVAILABLE)
		pages->is_in_trouble = true;
	for (struct list_node *node = list_pop(&fetch->waiters); node != NULL; node = list_pop(&fetch->waiters)) {
		if (error == OK)
			show(job_of(node), page);
		else if (error == ERR_EVENT_UNKNOWN)
			job_of(node)->outcome.error = error;
		else
			show_what_was(pages, job_of(node), error, now_ms);
		list_push(&answered, node);
	}
	list_remove(&fetch->node);
	pages->fetch_count--;
	(void)pthread_mutex_unlock(&pages->mutex);
	free(fetch);
	answer_all(pages, &answered);
}

/* Shows what may be shown as it is, or lets the job wait. *ret_begun: a fetch to be handed to the lane, or NULL. Whether the job is
 * answered. */
static bool show_or_wait(struct event_pages *pages, struct job *job, uint64_t now_ms, struct page_fetch **ret_begun)
{
	assert(ret_begun != NULL);
	struct cached_page page = page_cache_find(pages->cache, &job->query, now_ms);
	bool is_there = page.text.data != NULL;
	bool is_shown = is_there && (pages->is_in_trouble || (!page.is_outdated && page.age_ms <= EVENT_PAGES_STALE_MS));
	*ret_begun = NULL;
	if (is_shown)
		show(job, page.text);
	if (is_shown && !page.is_outdated && page.age_ms <= EVENT_PAGES_FRESH_MS)
		return true;
	const struct page_key key = page_cache_key(pages->cache, &job->query);
	struct page_fetch *fetch = fetch_under_way(pages, &key);
	if (fetch == NULL)
		fetch = *ret_begun = begin_fetch(pages, job, &key, now_ms);
	if (!is_shown && fetch == NULL)
		show_what_was(pages, job, ERR_OVERLOADED, now_ms);
	else if (!is_shown)
		list_push(&fetch->waiters, &job->node);
	return is_shown || fetch == NULL;
}

void event_pages_ask(struct event_pages *pages, struct job *job, uint64_t monotonic_ms)
{
	assert(pages != NULL && job != NULL && job->kind == JOB_QUERY);
	assert(job->query.kind == QUERY_EVENT || job->query.kind == QUERY_EVENTS);
	assert(job->query.limit <= QUERY_LIMIT_MAX);

	struct page_fetch *begun;
	(void)pthread_mutex_lock(&pages->mutex);
	bool is_answered = show_or_wait(pages, job, monotonic_ms, &begun);
	(void)pthread_mutex_unlock(&pages->mutex);
	enum error error = begun == NULL ? OK : pages->options.submit(pages->options.context, &begun->job);
	if (error != OK)
		end_fetch(pages, begun, error, (struct slice){0}, monotonic_ms);
	if (is_answered)
		pages->options.answer(pages->options.context, job);
}

/* With the lock. */
static bool has_waited_enough(struct event_pages *pages, const struct job *job, uint64_t now_ms)
{
	assert(job->kind == JOB_QUERY);
	uint64_t came_ms = job->way.entered_ns[0] / 1000000, waited_ms = now_ms > came_ms ? now_ms - came_ms : 0;
	return waited_ms >= pages->options.patience_ms ||
	       (waited_ms >= pages->options.patience_ms / 4 && page_cache_find(pages->cache, &job->query, now_ms).text.data != NULL);
}

/* Moves those that have waited enough to `answered`; answers how many wait on. With the lock. */
static uint32_t give_up_on(struct event_pages *pages, struct page_fetch *fetch, uint64_t now_ms, struct list *answered)
{
	assert(answered != NULL);
	struct list waiters;
	uint32_t count = 0;
	list_init(&waiters);
	list_splice(&waiters, &fetch->waiters);
	for (struct list_node *node = list_pop(&waiters); node != NULL; node = list_pop(&waiters)) {
		bool is_enough = has_waited_enough(pages, job_of(node), now_ms);
		if (is_enough)
			show_what_was(pages, job_of(node), ERR_CATALOG_UNAVAILABLE, now_ms);
		list_push(is_enough ? answered : &fetch->waiters, node);
		count += !is_enough;
		pages->is_in_trouble |= is_enough;
	}
	return count;
}

bool event_pages_give_up(struct event_pages *pages, uint64_t monotonic_ms)
{
	assert(pages != NULL);
	struct list answered;
	uint32_t waiting = 0;
	list_init(&answered);
	(void)pthread_mutex_lock(&pages->mutex);
	for (struct list_node *node = pages->fetches.head.next; node != &pages->fetches.head; node = node->next)
		waiting += give_up_on(pages, fetch_of(node), monotonic_ms, &answered);
	(void)pthread_mutex_unlock(&pages->mutex);
	answer_all(pages, &answered);
	return waiting > 0;
}

void event_pages_fetch(struct event_pages *pages, struct job *job, uint64_t monotonic_ms, bool *is_down)
{
	assert(pages != NULL && job != NULL && job->kind == JOB_FETCH);
	struct page_fetch *fetch = container_of(job, struct page_fetch, job);
	enum error error = ask_catalog(pages, &job->query, is_down);
	if (pages->options.asked != NULL)
		pages->options.asked(pages->options.context, job, *is_down);
	end_fetch(pages, fetch, error, buffer_slice(&pages->body), monotonic_ms);
}

void event_pages_outdate(struct event_pages *pages)
{
	assert(pages != NULL);
	(void)pthread_mutex_lock(&pages->mutex);
	page_cache_outdate(pages->cache);
	(void)pthread_mutex_unlock(&pages->mutex);
}
