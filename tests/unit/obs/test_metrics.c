/* test_metrics.c: counts, and how they are shown. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>

#include "obs/metrics.h"

static const char *const routes[] = {"/v1/holds", "a\"b\\c\nd"};
static const char *const statuses[] = {"200", "409", "503"};
static const uint64_t buckets[] = {100, 2500, 1000000};

struct metrics_test {
	struct metrics *metrics;
	struct buffer buffer;
};

static struct metrics_test test;

static int set_up(void **state)
{
	(void)state;
	buffer_init(&test.buffer, NULL, 1 << 20);
	return metrics_new(&test.metrics) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	metrics_free(test.metrics);
	buffer_release(&test.buffer);
	return 0;
}

static void expect(const char *exposition)
{
	buffer_clear(&test.buffer);
	metrics_write(test.metrics, METRICS_TEXT, &test.buffer);
	buffer_append_byte(&test.buffer, '\0');
	assert_false(test.buffer.failed);
	assert_string_equal(test.buffer.data, exposition);
}

static void a_counter_shows_from_the_start(void **state)
{
	(void)state;
	struct metric *metric;
	expect("");
	assert_int_equal(metrics_counter(test.metrics,
	                                 &(struct metric_options){.name = "tro_things_total", .help = "Things, \\ and\nlines."}, &metric),
	                 OK);
	expect("# HELP tro_things_total Things, \\\\ and\\nlines.\n# TYPE tro_things_total counter\ntro_things_total 0\n");
	metric_add(metric, 0, 3);
	metric_add(metric, 0, 0);
	metric_add(metric, 0, 4);
	expect("# HELP tro_things_total Things, \\\\ and\\nlines.\n# TYPE tro_things_total counter\ntro_things_total 7\n");
}

static void a_labelled_counter_shows_what_has_been_used(void **state)
{
	(void)state;
	struct metric *metric;
	const struct metric_options options = {
		.name = "tro_requests_total",
		.help = "Requests.",
		.labels = {{.name = "route", .values = routes, .count = 2}, {.name = "status", .values = statuses, .count = 3}},
	};
	assert_int_equal(metrics_counter(test.metrics, &options, &metric), OK);
	expect("# HELP tro_requests_total Requests.\n# TYPE tro_requests_total counter\n");
	metric_add(metric, metric_series(metric, 1, 2, 0), 1);
	metric_add(metric, metric_series(metric, 0, 1, 0), 5);
	expect("# HELP tro_requests_total Requests.\n# TYPE tro_requests_total counter\n"
	       "tro_requests_total{route=\"/v1/holds\",status=\"409\"} 5\n"
	       "tro_requests_total{route=\"a\\\"b\\\\c\\nd\",status=\"503\"} 1\n");
}

static int64_t read_depth(void *context, uint32_t series)
{
	return *(const int64_t *)context + series;
}

static void gauges_go_both_ways_or_are_asked_for(void **state)
{
	(void)state;
	struct metric *open, *asked;
	int64_t depth = 1500;
	const struct metric_options asked_options = {.name = "tro_lag_seconds",
	                                             .help = "Lag.",
	                                             .scale = 1e-3,
	                                             .labels = {{.name = "route", .values = routes, .count = 1}},
	                                             .read = read_depth,
	                                             .context = &depth};
	assert_int_equal(metrics_gauge(test.metrics, &(struct metric_options){.name = "tro_open", .help = "Open."}, &open), OK);
	assert_int_equal(metrics_gauge(test.metrics, &asked_options, &asked), OK);
	metric_add(open, 0, 2);
	metric_add(open, 0, -5);
	expect("# HELP tro_open Open.\n# TYPE tro_open gauge\ntro_open -3\n"
	       "# HELP tro_lag_seconds Lag.\n# TYPE tro_lag_seconds gauge\ntro_lag_seconds{route=\"/v1/holds\"} 1.5\n");
	depth = 0;
	expect("# HELP tro_open Open.\n# TYPE tro_open gauge\ntro_open -3\n"
	       "# HELP tro_lag_seconds Lag.\n# TYPE tro_lag_seconds gauge\ntro_lag_seconds{route=\"/v1/holds\"} 0\n");
}

static void a_histogram_is_cumulative(void **state)
{
	(void)state;
	struct metric *metric;
	const struct metric_options options = {
		.name = "tro_commit_seconds", .help = "Time.", .scale = 1e-6, .buckets = buckets, .bucket_count = ARRAY_LENGTH(buckets)};
	assert_int_equal(metrics_histogram(test.metrics, &options, &metric), OK);
	static const uint64_t values[] = {0, 100, 101, 2500, 1000001, 5000000};
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
		metric_observe(metric, 0, values[i]);
	expect("# HELP tro_commit_seconds Time.\n# TYPE tro_commit_seconds histogram\n"
	       "tro_commit_seconds_bucket{le=\"0.0001\"} 2\n"
	       "tro_commit_seconds_bucket{le=\"0.0025\"} 4\n"
	       "tro_commit_seconds_bucket{le=\"1.0\"} 4\n"
	       "tro_commit_seconds_bucket{le=\"+Inf\"} 6\n"
	       "tro_commit_seconds_sum 6.002702\n"
	       "tro_commit_seconds_count 6\n");
}

static void a_labelled_histogram_shows_what_has_been_used(void **state)
{
	(void)state;
	struct metric *metric;
	const struct metric_options options = {.name = "tro_batch_size",
	                                       .help = "Jobs.",
	                                       .buckets = buckets,
	                                       .bucket_count = 1,
	                                       .labels = {{.name = "route", .values = routes, .count = 2}}};
	assert_int_equal(metrics_histogram(test.metrics, &options, &metric), OK);
	metric_observe(metric, metric_series(metric, 0, 0, 0), 7);
	expect("# HELP tro_batch_size Jobs.\n# TYPE tro_batch_size histogram\n"
	       "tro_batch_size_bucket{route=\"/v1/holds\",le=\"100.0\"} 1\n"
	       "tro_batch_size_bucket{route=\"/v1/holds\",le=\"+Inf\"} 1\n"
	       "tro_batch_size_sum{route=\"/v1/holds\"} 7\n"
	       "tro_batch_size_count{route=\"/v1/holds\"} 1\n");
}

static void expect_open(const char *exposition)
{
	buffer_clear(&test.buffer);
	metrics_write(test.metrics, METRICS_OPEN, &test.buffer);
	buffer_append_byte(&test.buffer, '\0');
	assert_false(test.buffer.failed);
	assert_string_equal(test.buffer.data, exposition);
}

static void openmetrics_names_families_and_ends(void **state)
{
	(void)state;
	struct metric *metric;
	assert_int_equal(
		metrics_counter(test.metrics, &(struct metric_options){.name = "tro_things_total", .help = "\"Things\"."}, &metric), OK);
	metric_add(metric, 0, 3);
	expect_open("# HELP tro_things \\\"Things\\\".\n# TYPE tro_things counter\ntro_things_total 3\n# EOF\n");
	expect("# HELP tro_things_total \"Things\".\n# TYPE tro_things_total counter\ntro_things_total 3\n");
}

static void a_bucket_keeps_the_trace_of_one_of_its_latest(void **state)
{
	(void)state;
	struct metric *metric;
	const struct metric_options options = {
		.name = "tro_h", .help = "H.", .scale = 1e-3, .buckets = buckets, .bucket_count = 1, .has_exemplars = true};
	static const uint8_t first[METRIC_TRACE_SIZE] = {0xab, [15] = 1}, second[METRIC_TRACE_SIZE] = {0xcd, [15] = 2};
	assert_int_equal(metrics_histogram(test.metrics, &options, &metric), OK);
	metric_observe_traced(metric, 0, 7, first, 1000000);
	metric_observe_traced(metric, 0, 8, second, 1000999); /* too soon after the first */
	metric_observe(metric, 0, 1000);                      /* of no trace */
	expect_open("# HELP tro_h H.\n# TYPE tro_h histogram\n"
	            "tro_h_bucket{le=\"0.1\"} 2 # {trace_id=\"ab000000000000000000000000000001\"} 0.007 1000.000\n"
	            "tro_h_bucket{le=\"+Inf\"} 3\ntro_h_sum 1.015\ntro_h_count 3\n# EOF\n");
	metric_observe_traced(metric, 0, 9, second, 1001000);
	expect_open("# HELP tro_h H.\n# TYPE tro_h histogram\n"
	            "tro_h_bucket{le=\"0.1\"} 3 # {trace_id=\"cd000000000000000000000000000002\"} 0.009 1001.000\n"
	            "tro_h_bucket{le=\"+Inf\"} 4\ntro_h_sum 1.024\ntro_h_count 4\n# EOF\n");
	expect("# HELP tro_h H.\n# TYPE tro_h histogram\ntro_h_bucket{le=\"0.1\"} 3\ntro_h_bucket{le=\"+Inf\"} 4\ntro_h_sum "
	       "1.024\ntro_h_count 4\n");
}

#define THREADS 4
#define ROUNDS 50000

struct counted {
	struct metric *counter;
	struct metric *histogram;
};

static void *count(void *argument)
{
	const struct counted *counted = argument;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		metric_add(counted->counter, 0, 1);
		metric_observe(counted->histogram, 0, i % 200);
	}
	return NULL;
}

static void no_count_is_lost_between_threads(void **state)
{
	(void)state;
	struct counted counted;
	const struct metric_options histogram = {.name = "tro_h", .help = "H.", .buckets = buckets, .bucket_count = 1};
	assert_int_equal(metrics_counter(test.metrics, &(struct metric_options){.name = "tro_c_total", .help = "C."}, &counted.counter),
	                 OK);
	assert_int_equal(metrics_histogram(test.metrics, &histogram, &counted.histogram), OK);
	pthread_t threads[THREADS];
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, &counted), 0);
	for (uint32_t i = 0; i < 100; i++) {
		buffer_clear(&test.buffer);
		metrics_write(test.metrics, METRICS_TEXT, &test.buffer);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect("# HELP tro_c_total C.\n# TYPE tro_c_total counter\ntro_c_total 200000\n"
	       "# HELP tro_h H.\n# TYPE tro_h histogram\ntro_h_bucket{le=\"100.0\"} 101000\ntro_h_bucket{le=\"+Inf\"} 200000\n"
	       "tro_h_sum 19900000\ntro_h_count 200000\n");
}

static int64_t read_some(void *context, uint32_t series)
{
	(void)context;
	return series == 1 ? METRIC_ABSENT : (int64_t)series + 1;
}

static void a_series_that_is_not_there_is_not_shown(void **state)
{
	(void)state;
	struct metric *metric;
	const struct metric_options options = {
		.name = "tro_states", .help = "States.", .labels = {{"status", statuses, 3}}, .read = read_some};
	assert_int_equal(metrics_gauge(test.metrics, &options, &metric), OK);
	expect("# HELP tro_states States.\n# TYPE tro_states gauge\ntro_states{status=\"200\"} 1\ntro_states{status=\"503\"} 3\n");
}

static void three_labels_make_a_series_of_each_combination(void **state)
{
	(void)state;
	static const char *const methods[] = {"GET", "POST"};
	struct metric *metric;
	const struct metric_options options = {.name = "tro_calls_total",
	                                       .help = "Calls.",
	                                       .labels = {{"method", methods, 2}, {"route", routes, 2}, {"status", statuses, 3}}};
	bool is_seen[12] = {false};
	assert_int_equal(metrics_counter(test.metrics, &options, &metric), OK);
	for (uint32_t i = 0; i < 12; i++)
		is_seen[metric_series(metric, i / 6, i / 3 % 2, i % 3)] = true;
	for (uint32_t i = 0; i < 12; i++)
		assert_true(is_seen[i]);
	metric_add(metric, metric_series(metric, 1, 0, 2), 5);
	expect("# HELP tro_calls_total Calls.\n# TYPE tro_calls_total counter\n"
	       "tro_calls_total{method=\"POST\",route=\"/v1/holds\",status=\"503\"} 5\n");
}

static void a_series_that_is_shown_is_there_at_0(void **state)
{
	(void)state;
	struct metric *metric;
	const struct metric_options options = {
		.name = "tro_requests_total", .help = "Requests.", .labels = {{.name = "status", .values = statuses, .count = 3}}};
	assert_int_equal(metrics_counter(test.metrics, &options, &metric), OK);
	metric_show(metric, metric_series(metric, 2, 0, 0));
	expect("# HELP tro_requests_total Requests.\n# TYPE tro_requests_total counter\ntro_requests_total{status=\"503\"} 0\n");
	metric_add(metric, metric_series(metric, 2, 0, 0), 4);
	metric_show(metric, metric_series(metric, 2, 0, 0));
	expect("# HELP tro_requests_total Requests.\n# TYPE tro_requests_total counter\ntro_requests_total{status=\"503\"} 4\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_counter_shows_from_the_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_labelled_counter_shows_what_has_been_used, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_series_that_is_shown_is_there_at_0, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gauges_go_both_ways_or_are_asked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_histogram_is_cumulative, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_labelled_histogram_shows_what_has_been_used, set_up, tear_down),
		cmocka_unit_test_setup_teardown(openmetrics_names_families_and_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_bucket_keeps_the_trace_of_one_of_its_latest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_count_is_lost_between_threads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_series_that_is_not_there_is_not_shown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(three_labels_make_a_series_of_each_combination, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
