/* test_event_pages.c: one event, pages of them, and what is served while the catalog is down. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/cursor.h"
#include "app/event_pages.h"
#include "tests/support/fake_catalog.h"
#include "tests/support/fake_time.h"

#define NOW_MS 5000000

struct world {
	struct fake_catalog *catalog;
	struct fake_random random;
	bool is_refused; /* the caller does not let it ask */
	bool was_down;
	bool is_full; /* the lane takes no fetch */
	struct event_pages *pages;
	struct job *fetches[EVENT_PAGES_FETCHES_MAX]; /* that the lane has not served */
	uint32_t fetch_count;
	uint32_t answered;
	struct arena arena;
};

static enum error submit(void *context, struct job *fetch)
{
	struct world *world = context;
	if (world->is_full)
		return ERR_OVERLOADED;
	world->fetches[world->fetch_count++] = fetch;
	return OK;
}

static void answer(void *context, struct job *job)
{
	struct world *world = context;
	world->answered++;
	job->way.ended_ns = 1;
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	world->catalog = fake_catalog_new();
	assert_non_null(world->catalog);
	fake_random_init(&world->random, 1);
	arena_init(&world->arena, 65536, 1 << 20);
	const struct event_pages_options options = {.catalog = &world->catalog->base,
	                                            .random = &world->random.base,
	                                            .patience_ms = 200,
	                                            .submit = submit,
	                                            .answer = answer,
	                                            .context = world};
	assert_int_equal(event_pages_new(&options, &world->pages), OK);
	*state = world;
	return 0;
}

/* The lane serves what it was given. */
static void serve(struct world *world, uint64_t now_ms)
{
	uint32_t count = world->fetch_count;
	world->fetch_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		world->was_down = world->is_refused;
		event_pages_fetch(world->pages, world->fetches[i], now_ms, &world->was_down);
	}
}

static int free_world(void **state)
{
	struct world *world = *state;
	serve(world, NOW_MS);
	event_pages_free(world->pages);
	fake_catalog_free(world->catalog);
	arena_release(&world->arena);
	free(world);
	return 0;
}

static void put_event(struct world *world, uint8_t number)
{
	const struct catalog_entry entry = {
		.event_id = {{number}},
		.details = {.name = SLICE("Concert"), .venue = SLICE("Hall"), .starts_at_ms = 1800000000000},
		.status = SALE_ON_SALE,
		.currency = {.code = "EUR"},
		.seat_count = 10,
		.created_at_ms = 1700000000000,
		.version = 1,
	};
	assert_int_equal(world->catalog->base.operations->put(&world->catalog->base, &entry), CATALOG_OK);
}

static struct job job_of(struct world *world, struct query query, uint64_t now_ms)
{
	struct job job = {.kind = JOB_QUERY, .query = query, .arena = &world->arena};
	job.way.entered_ns[0] = now_ms * 1000000;
	return job;
}

static bool is_answered(const struct job *job)
{
	return job->way.ended_ns != 0;
}

/* With a lane that serves at once. */
static enum error ask(struct world *world, struct query query, uint64_t now_ms, const char **ret_body)
{
	struct job job = job_of(world, query, now_ms);
	event_pages_ask(world->pages, &job, now_ms);
	serve(world, now_ms);
	assert_true(is_answered(&job));
	if (job.outcome.error == OK)
		*ret_body = job.outcome.body.data; /* terminated by arena_copy */
	return job.outcome.error;
}

static struct query event_of(uint8_t number)
{
	return (struct query){.kind = QUERY_EVENT, .id = {{number}}};
}

static void event_is_answered_as_the_catalog_has_it(void **state)
{
	struct world *world = *state;
	put_event(world, 7);
	const char *body = NULL;
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
	assert_string_equal(body, "{\"event_id\":\"07000000-0000-0000-0000-000000000000\",\"name\":\"Concert\",\"venue\":\"Hall\","
	                          "\"description\":\"\",\"starts_at\":\"2027-01-15T08:00:00.000Z\",\"on_sale_from\":null,"
	                          "\"on_sale_until\":null,\"currency\":\"EUR\",\"status\":\"on_sale\",\"seat_count\":10,"
	                          "\"created_at\":\"2023-11-14T22:13:20.000Z\"}");
	assert_int_equal(ask(world, event_of(8), NOW_MS, &body), ERR_EVENT_UNKNOWN);
}

static void pages_follow_each_other_by_their_cursors(void **state)
{
	struct world *world = *state;
	for (uint8_t i = 1; i <= 5; i++)
		put_event(world, i);
	struct query query = {.kind = QUERY_EVENTS, .limit = 2};
	uint32_t seen = 0;
	uint32_t pages = 0;
	for (;;) {
		const char *body = NULL;
		assert_int_equal(ask(world, query, NOW_MS, &body), OK);
		assert_int_equal(strncmp(body, "{\"data\":[", 9), 0);
		for (const char *at = strstr(body, "event_id"); at != NULL; at = strstr(at + 1, "event_id"))
			assert_int_equal(at[12] - '0', ++seen);
		pages++;
		const char *cursor = strstr(body, "\"next_cursor\":");
		assert_non_null(cursor);
		if (strcmp(cursor, "\"next_cursor\":null}") == 0)
			break;
		const struct slice text = {.data = cursor + 15, .length = CURSOR_TEXT_LENGTH};
		assert_int_equal(cursor_parse(text, &query), OK);
	}
	assert_int_equal(seen, 5);
	assert_int_equal(pages, 3);
}

static void empty_catalog_is_an_empty_page(void **state)
{
	struct world *world = *state;
	const char *body = NULL;
	assert_int_equal(ask(world, (struct query){.kind = QUERY_EVENTS, .limit = 100}, NOW_MS, &body), OK);
	assert_string_equal(body, "{\"data\":[],\"next_cursor\":null}");
}

static void page_served_within_the_last_minute_is_served_while_the_catalog_is_down(void **state)
{
	struct world *world = *state;
	put_event(world, 7);
	const char *body = NULL;
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
	world->catalog->is_down = true;
	const char *again = NULL;
	assert_int_equal(ask(world, event_of(7), NOW_MS + 60000, &again), OK);
	assert_string_equal(again, body);
	assert_int_equal(ask(world, event_of(7), NOW_MS + 60001, &again), ERR_CATALOG_UNAVAILABLE);
	assert_int_equal(ask(world, event_of(8), NOW_MS, &again), ERR_CATALOG_UNAVAILABLE);
}

static void catalog_that_is_not_to_be_asked_is_not_asked(void **state)
{
	struct world *world = *state;
	const char *body = NULL;
	put_event(world, 7);
	put_event(world, 8);
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
	assert_false(world->was_down);
	world->is_refused = true;
	uint32_t questions = world->catalog->questions;
	assert_int_equal(ask(world, event_of(7), NOW_MS + 3000, &body), OK); /* as it was */
	assert_int_equal(ask(world, event_of(8), NOW_MS + 3000, &body), ERR_CATALOG_UNAVAILABLE);
	assert_int_equal(world->catalog->questions, questions);
	world->is_refused = false;
	world->catalog->is_down = true;
	assert_int_equal(ask(world, event_of(7), NOW_MS + 6000, &body), OK);
	assert_true(world->was_down); /* its caller is told all the same */
}

static void fresh_page_is_shown_without_asking(void **state)
{
	struct world *world = *state;
	const char *body = NULL;
	put_event(world, 7);
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
	assert_int_equal(ask(world, event_of(7), NOW_MS + EVENT_PAGES_FRESH_MS, &body), OK);
	assert_int_equal(world->catalog->questions, 1);
}

static void stale_page_is_shown_at_once_and_made_again(void **state)
{
	struct world *world = *state;
	const char *body = NULL;
	put_event(world, 7);
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
	struct job first = job_of(world, event_of(7), NOW_MS + 501), second = first, late = job_of(world, event_of(7), NOW_MS + 2502);
	event_pages_ask(world->pages, &first, NOW_MS + 501);
	event_pages_ask(world->pages, &second, NOW_MS + 501);
	assert_true(is_answered(&first) && is_answered(&second));
	assert_int_equal(world->fetch_count, 1);
	serve(world, NOW_MS + 501);
	assert_int_equal(world->catalog->questions, 2);
	event_pages_ask(world->pages, &late, NOW_MS + 2502);
	assert_false(is_answered(&late)); /* it is too old to be shown */
	serve(world, NOW_MS + 2502);
	assert_true(is_answered(&late));
}

static void all_who_ask_at_once_share_one_fetch(void **state)
{
	struct world *world = *state;
	struct job jobs[5], other = job_of(world, event_of(8), NOW_MS);
	put_event(world, 7);
	for (size_t i = 0; i < 5; i++) {
		jobs[i] = job_of(world, event_of(7), NOW_MS);
		event_pages_ask(world->pages, &jobs[i], NOW_MS);
	}
	event_pages_ask(world->pages, &other, NOW_MS);
	assert_int_equal(world->fetch_count, 2);
	serve(world, NOW_MS);
	assert_int_equal(world->catalog->questions, 2);
	assert_int_equal(world->answered, 6);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(jobs[i].outcome.error, OK);
	assert_int_equal(other.outcome.error, ERR_EVENT_UNKNOWN);
}

static void nobody_waits_longer_than_the_patience(void **state)
{
	struct world *world = *state;
	const char *body = NULL;
	put_event(world, 7);
	put_event(world, 8);
	assert_int_equal(ask(world, event_of(8), NOW_MS, &body), OK);
	uint64_t now_ms = NOW_MS + 10000;
	struct job unknown = job_of(world, event_of(7), now_ms), known = job_of(world, event_of(8), now_ms);
	event_pages_ask(world->pages, &unknown, now_ms);
	event_pages_ask(world->pages, &known, now_ms);
	assert_true(event_pages_give_up(world->pages, now_ms + 49));
	assert_false(is_answered(&known));
	assert_true(event_pages_give_up(world->pages, now_ms + 50)); /* there is an old page of it */
	assert_true(is_answered(&known));
	assert_int_equal(known.outcome.error, OK);
	assert_true(event_pages_give_up(world->pages, now_ms + 199));
	assert_false(event_pages_give_up(world->pages, now_ms + 200));
	assert_int_equal(unknown.outcome.error, ERR_CATALOG_UNAVAILABLE);
	/* Now that it is known to be in trouble an old page is shown at once. */
	struct job again = job_of(world, event_of(8), now_ms + 300);
	event_pages_ask(world->pages, &again, now_ms + 300);
	assert_true(is_answered(&again));
	serve(world, now_ms + 2000); /* a page for which no job waits any more is kept all the same */
	struct job later = job_of(world, event_of(7), now_ms + 2100);
	event_pages_ask(world->pages, &later, now_ms + 2100);
	assert_true(is_answered(&later));
	assert_int_equal(later.outcome.error, OK);
}

static void outdated_pages_show_the_changed_event(void **state)
{
	struct world *world = *state;
	const char *body = NULL;
	const struct query list = {.kind = QUERY_EVENTS, .limit = 10};
	assert_int_equal(ask(world, list, NOW_MS, &body), OK);
	put_event(world, 7);
	event_pages_outdate(world->pages);
	assert_int_equal(ask(world, list, NOW_MS, &body), OK);
	assert_non_null(strstr(body, "Concert"));
}

static void lane_that_takes_nothing_refuses(void **state)
{
	struct world *world = *state;
	const char *body = NULL;
	world->is_full = true;
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), ERR_OVERLOADED);
	world->is_full = false;
	put_event(world, 7);
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
}

static void fetches_have_a_bound(void **state)
{
	struct world *world = *state;
	struct job jobs[EVENT_PAGES_FETCHES_MAX + 1];
	for (uint32_t i = 0; i <= EVENT_PAGES_FETCHES_MAX; i++) {
		jobs[i] = job_of(world, event_of((uint8_t)i), NOW_MS);
		event_pages_ask(world->pages, &jobs[i], NOW_MS);
	}
	assert_true(is_answered(&jobs[EVENT_PAGES_FETCHES_MAX]));
	assert_int_equal(jobs[EVENT_PAGES_FETCHES_MAX].outcome.error, ERR_OVERLOADED);
	assert_int_equal(world->answered, 1);
	serve(world, NOW_MS);
	assert_int_equal(world->answered, EVENT_PAGES_FETCHES_MAX + 1);
}

static void texts_of_a_filter_outlive_their_request(void **state)
{
	struct world *world = *state;
	char text[] = "concert";
	put_event(world, 7);
	struct query query = {.kind = QUERY_EVENTS, .limit = 10, .filter = {.words = slice_of(text)}};
	struct job job = job_of(world, query, NOW_MS);
	event_pages_ask(world->pages, &job, NOW_MS);
	assert_false(event_pages_give_up(world->pages, NOW_MS + 200)); /* the request is answered, and gone */
	memset(text, 'x', sizeof text - 1);
	serve(world, NOW_MS + 300);
	const char *body = NULL;
	uint32_t questions = world->catalog->questions;
	query.filter.words = SLICE("concert");
	assert_int_equal(ask(world, query, NOW_MS + 300, &body), OK);
	assert_non_null(strstr(body, "Concert"));
	assert_int_equal(world->catalog->questions, questions);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(event_is_answered_as_the_catalog_has_it),
		TEST(pages_follow_each_other_by_their_cursors),
		TEST(empty_catalog_is_an_empty_page),
		TEST(page_served_within_the_last_minute_is_served_while_the_catalog_is_down),
		TEST(catalog_that_is_not_to_be_asked_is_not_asked),
		TEST(fresh_page_is_shown_without_asking),
		TEST(stale_page_is_shown_at_once_and_made_again),
		TEST(all_who_ask_at_once_share_one_fetch),
		TEST(nobody_waits_longer_than_the_patience),
		TEST(outdated_pages_show_the_changed_event),
		TEST(lane_that_takes_nothing_refuses),
		TEST(fetches_have_a_bound),
		TEST(texts_of_a_filter_outlive_their_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
