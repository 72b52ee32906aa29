/* test_page_cache.c: pages are found while they are young, and the oldest go when there are too many. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/page_cache.h"

static struct page_cache *cache_of(uint32_t pages_max, size_t bytes_max)
{
	const struct page_cache_options options = {.pages_max = pages_max, .bytes_max = bytes_max, .age_max_ms = 60000};
	struct page_cache *cache;
	assert_int_equal(page_cache_new(&options, &cache), OK);
	return cache;
}

static struct query event_of(uint8_t number)
{
	return (struct query){.kind = QUERY_EVENT, .id = {{number}}};
}

static bool has(const struct page_cache *cache, struct query query, const char *page, uint64_t now_ms)
{
	struct slice found = page_cache_find(cache, &query, now_ms).text;
	return found.data != NULL && slice_equal_string(found, page);
}

static void put(struct page_cache *cache, struct query query, const char *page, uint64_t now_ms)
{
	page_cache_put(cache, &query, slice_of(page), now_ms);
}

static void page_is_found_for_a_minute(void **state)
{
	(void)state;
	struct page_cache *cache = cache_of(10, 1000);
	assert_false(has(cache, event_of(1), "one", 1000));
	put(cache, event_of(1), "one", 1000);
	assert_true(has(cache, event_of(1), "one", 61000));
	assert_false(has(cache, event_of(1), "one", 61001));
	put(cache, event_of(1), "another", 61001);
	assert_true(has(cache, event_of(1), "another", 121001));
	page_cache_free(cache);
}

static void page_knows_its_age_and_whether_it_is_outdated(void **state)
{
	(void)state;
	struct page_cache *cache = cache_of(10, 1000);
	struct query query = event_of(1);
	put(cache, query, "one", 1000);
	struct cached_page page = page_cache_find(cache, &query, 1300);
	assert_int_equal(page.age_ms, 300);
	assert_false(page.is_outdated);
	assert_int_equal(page_cache_find(cache, &query, 999).age_ms, 0);
	page_cache_outdate(cache);
	assert_true(page_cache_find(cache, &query, 1300).is_outdated);
	put(cache, query, "another", 1400);
	assert_false(page_cache_find(cache, &query, 1400).is_outdated);
	page_cache_free(cache);
}

static void every_parameter_makes_another_page(void **state)
{
	(void)state;
	struct page_cache *cache = cache_of(10, 1000);
	struct query list = {.kind = QUERY_EVENTS, .limit = 10};
	put(cache, list, "first", 1000);
	struct query other = list;
	other.limit = 11;
	assert_false(has(cache, other, "first", 1000));
	other = list;
	other.has_after_id = true;
	other.after_id = (struct uuid){{7}};
	assert_false(has(cache, other, "first", 1000));
	other = list;
	other.filter.status = SALE_PAUSED;
	assert_false(has(cache, other, "first", 1000));
	other.filter = (struct catalog_filter){.words = SLICE("opera")};
	assert_false(has(cache, other, "first", 1000));
	other.filter = (struct catalog_filter){.venue = SLICE("opera")};
	assert_false(has(cache, other, "first", 1000));
	other.filter = (struct catalog_filter){.starts_from_ms = 7};
	assert_false(has(cache, other, "first", 1000));
	put(cache, other, "second", 1000);
	assert_true(has(cache, list, "first", 1000));
	assert_true(has(cache, other, "second", 1000));
	page_cache_free(cache);
}

static void oldest_page_goes_when_there_are_too_many(void **state)
{
	(void)state;
	struct page_cache *cache = cache_of(2, 1000);
	put(cache, event_of(1), "one", 1000);
	put(cache, event_of(2), "two", 1000);
	put(cache, event_of(1), "one", 1000);
	put(cache, event_of(3), "three", 1000);
	assert_true(has(cache, event_of(1), "one", 1000));
	assert_false(has(cache, event_of(2), "two", 1000));
	assert_true(has(cache, event_of(3), "three", 1000));
	page_cache_free(cache);
}

static void pages_together_stay_within_their_bytes(void **state)
{
	(void)state;
	struct page_cache *cache = cache_of(100, 10);
	put(cache, event_of(1), "12345", 1000);
	put(cache, event_of(2), "12345", 1000);
	put(cache, event_of(3), "123456", 1000);
	assert_false(has(cache, event_of(1), "12345", 1000));
	assert_false(has(cache, event_of(2), "12345", 1000));
	assert_true(has(cache, event_of(3), "123456", 1000));
	put(cache, event_of(3), "longer than all", 1000);
	assert_null(page_cache_find(cache, &(struct query){.kind = QUERY_EVENT, .id = {{3}}}, 1000).text.data);
	put(cache, event_of(4), "", 1000);
	assert_true(has(cache, event_of(4), "", 1000));
	page_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_is_found_for_a_minute),
		cmocka_unit_test(page_knows_its_age_and_whether_it_is_outdated),
		cmocka_unit_test(every_parameter_makes_another_page),
		cmocka_unit_test(oldest_page_goes_when_there_are_too_many),
		cmocka_unit_test(pages_together_stay_within_their_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
