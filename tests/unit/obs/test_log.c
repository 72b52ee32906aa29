/* test_log.c: lines are whole JSON, nobody waits for a stuck pipe, and an abort loses nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "obs/log.h"

#define TIME_PART 35 /* {"time":"2026-01-02T03:04:05.678Z" */

/* As log_event, of what has no limit. */
#define log_each(logger, level, message, ...) \
	do { \
		const struct log_field log_fields_[] = {__VA_ARGS__}; \
		log_write_each(logger, level, message, log_fields_, sizeof log_fields_ / sizeof(struct log_field)); \
	} while (0)

struct log_test {
	int read_end;
	int write_end;
	struct logger *logger;
	char text[1 << 16];
};

static struct log_test test;

/* Without a logger, for tests that fork: a process with threads should not. */
static int set_up_pipe(void **state)
{
	(void)state;
	int ends[2];
	if (pipe(ends) != 0)
		return -1;
	test = (struct log_test){.read_end = ends[0], .write_end = ends[1]};
	return 0;
}

static int set_up(void **state)
{
	return set_up_pipe(state) == 0 && logger_new(test.write_end, LOG_INFO, &test.logger) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	logger_free(test.logger);
	close(test.write_end);
	close(test.read_end);
	return 0;
}

/* Ends the logger and answers all it has written, which must fit in the pipe. */
static char *written(void)
{
	logger_free(test.logger);
	test.logger = NULL;
	fcntl(test.read_end, F_SETFL, O_NONBLOCK);
	ssize_t length = read(test.read_end, test.text, sizeof test.text - 1);
	test.text[length < 0 ? 0 : length] = '\0';
	return test.text;
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void a_line_has_time_level_message_and_fields(void **state)
{
	(void)state;
	const struct uuid id = {.bytes = {[15] = 7}};
	log_event(test.logger, LOG_WARN, "hello \"you\"", log_string("a", "b\n"), log_slice("s", SLICE("\xff")), log_uint("u", UINT64_MAX),
	          log_int("i", -5), log_double("d", 1.5), log_bool("t", true), log_uuid("id", &id), log_string("none", NULL));
	const char *line = written();
	assert_memory_equal(line, "{\"time\":\"20", 11);
	assert_string_equal(
		line + TIME_PART - 1,
		",\"level\":\"warn\",\"message\":\"hello \\\"you\\\"\",\"a\":\"b\\n\",\"s\":\"\xef\xbf\xbd\",\"u\":18446744073709551615,"
		"\"i\":-5,\"d\":1.500,\"t\":true,\"id\":\"00000000-0000-0000-0000-000000000007\",\"none\":\"\"}\n");
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void a_line_for_people_reads_from_left_to_right(void **state)
{
	(void)state;
	logger_write_text(test.logger, false);
	log_event(test.logger, LOG_WARN, "hello you", log_string("a", "b\nc"), log_string("plain", "/v1/holds"), log_uint("u", 7),
	          log_double("d", 1.5), log_bool("t", true), log_string("none", NULL));
	const char *line = written();
	assert_memory_equal(line, "20", 2);
	assert_string_equal(line + 24, " warn  hello you  a=\"b\\nc\" plain=/v1/holds u=7 d=1.500 t=true none=\"\"\n");
}

static void logged_values_do_not_steer_a_terminal(void **state)
{
	(void)state;
	logger_write_text(test.logger, true);
	log_event(test.logger, LOG_INFO, "m",
	          log_string("path", "/\x1b[2J\x7f\xc2\x9b"
	                             "1m\xc3\xa9"));
	const char *line = written();
	assert_non_null(strstr(line, "\x1b[32minfo "));
	assert_non_null(strstr(line, "=\x1b[0m\"/\\x1b[2J\\x7f\\x9b1m\xc3\xa9\"\n"));
}

static void a_line_for_people_is_cut_as_well(void **state)
{
	(void)state;
	char large[LOG_STRING_MAX + 1];
	memset(large, '\x01', LOG_STRING_MAX);
	large[LOG_STRING_MAX] = '\0';
	logger_write_text(test.logger, true);
	log_event(test.logger, LOG_INFO, "m", log_uint("before", 1), log_string("large", large), log_uint("after", 2));
	const char *line = written();
	assert_null(strstr(line, "large"));
	assert_non_null(strstr(line, "after"));
	assert_true(ends_with(line, " …\n"));
}

static void lines_that_the_file_refuses_are_counted(void **state)
{
	(void)state;
	int full = open("/dev/full", O_WRONLY);
	struct logger *logger = NULL;
	assert_true(full >= 0);
	assert_int_equal(logger_new(full, LOG_INFO, &logger), OK);
	for (uint32_t i = 0; i < 100; i++)
		log_each(logger, LOG_INFO, "nobody will read this");
	uint64_t begin_ms = now_ms();
	while (logger_dropped(logger) < 100 && now_ms() - begin_ms < 10000)
		usleep(1000);
	assert_true(logger_dropped(logger) >= 100);
	logger_free(logger);
	close(full);
}

static uint64_t must_not_be_asked(void)
{
	fail();
	return 0;
}

static void fields_below_the_level_are_not_evaluated(void **state)
{
	(void)state;
	log_event(test.logger, LOG_DEBUG, "not this", log_uint("u", must_not_be_asked()));
	log_event(test.logger, LOG_INFO, "this");
	const char *line = written();
	assert_string_equal(line + TIME_PART - 1, ",\"level\":\"info\",\"message\":\"this\"}\n");
}

static void fields_that_do_not_fit_are_left_out(void **state)
{
	(void)state;
	char longest[2 * LOG_STRING_MAX];
	memset(longest, 1, sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	log_event(test.logger, LOG_ERROR, longest, log_uint("first", 1), log_string("controls", longest), log_uint("last", 2));
	memset(longest, 'x', sizeof longest - 1);
	log_event(test.logger, LOG_ERROR, "cut", log_string("a", longest), log_string("b", longest), log_string("c", longest),
	          log_string("d", longest), log_uint("last", 2));
	char *first = written();
	char *second = strchr(first, '\n') + 1;
	assert_true(strlen(second) <= LOG_LINE_MAX);
	assert_non_null(strstr(second, "\"c\":\"xxx"));
	assert_null(strstr(second, "\"d\":"));
	assert_true(ends_with(second, "x\",\"last\":2,\"truncated\":true}\n"));
	assert_int_equal(strcspn(strstr(second, "\"a\":\"") + 5, "\""), LOG_STRING_MAX);
	*second = '\0';
	assert_null(strstr(first, "controls"));
	assert_true(ends_with(first, "\\u0001\",\"first\":1,\"last\":2,\"truncated\":true}\n"));
}

#define THREADS 4
#define LINES 20000

static void *log_many(void *argument)
{
	for (uint32_t i = 0; i < LINES; i++)
		log_each(test.logger, i % 100 == 0 ? LOG_ERROR : LOG_INFO, "line", log_string("thread", argument), log_uint("i", i));
	return NULL;
}

static void *end_logger(void *argument)
{
	(void)argument;
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(((pthread_t *)argument)[i], NULL);
	logger_free(test.logger);
	test.logger = NULL;
	close(test.write_end);
	return NULL;
}

/* Every line that was not dropped arrives, whole, and those of one thread in their order. */
static void lines_of_several_threads_do_not_mix(void **state)
{
	(void)state;
	static const char *const names[THREADS] = {"0", "1", "2", "3"};
	pthread_t threads[THREADS], ender;
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, (void *)(uintptr_t)names[i]), 0);
	assert_int_equal(pthread_create(&ender, NULL, end_logger, threads), 0);

	FILE *lines = fdopen(dup(test.read_end), "r");
	assert_non_null(lines);
	uint64_t seen = 0, dropped = 0;
	uint32_t next[THREADS] = {0};
	while (fgets(test.text, sizeof test.text, lines) != NULL) {
		uint32_t thread, number;
		unsigned long lost;
		if (sscanf(test.text + TIME_PART - 1, ",\"level\":\"warn\",\"message\":\"log lines were dropped\",\"dropped\":%lu}\n",
		           &lost) == 1) {
			dropped += lost;
			continue;
		}
		const char *rest = strstr(test.text, ",\"message\"");
		assert_non_null(rest);
		assert_int_equal(sscanf(rest, ",\"message\":\"line\",\"thread\":\"%u\",\"i\":%u}\n", &thread, &number), 2);
		assert_true(thread < THREADS && number >= next[thread]);
		next[thread] = number + 1;
		seen++;
	}
	fclose(lines);
	pthread_join(ender, NULL);
	test.write_end = -1;
	assert_true(seen <= THREADS * LINES);
	assert_true(dropped == 0 ? seen == THREADS * LINES : seen < THREADS * LINES); /* the last drops may be untold */
}

static void nobody_waits_for_a_stuck_pipe(void **state)
{
	(void)state;
	uint64_t start_ms = now_ms();
	uint32_t lines = 0;
	for (; lines < 1000000 && logger_dropped(test.logger) == 0; lines++)
		log_each(test.logger, LOG_INFO, "ordinary", log_uint("i", lines));
	assert_true(logger_dropped(test.logger) > 0);
	assert_true(lines > 5000);
	/* There still is room for what matters. */
	uint64_t dropped = logger_dropped(test.logger);
	for (uint32_t i = 0; i < 1000; i++)
		log_each(test.logger, LOG_ERROR, "urgent", log_uint("i", i));
	assert_int_equal(logger_dropped(test.logger), dropped);

	uint64_t free_ms = now_ms();
	logger_free(test.logger);
	test.logger = NULL;
	assert_true(now_ms() - free_ms < 5000);
	assert_true(free_ms - start_ms < 10000);
}

static void a_file_that_takes_nothing_loses_as_many_lines_as_there_were(void **state)
{
	(void)state;
	int full = open("/dev/full", O_WRONLY);
	assert_true(full >= 0);
	struct logger *logger;
	assert_int_equal(logger_new(full, LOG_INFO, &logger), OK);
	uint64_t begin_ms = now_ms();
	for (uint64_t i = 1; i <= 20; i++) {
		log_each(logger, LOG_WARN, "a line", log_uint("number", i));
		while (logger_dropped(logger) < i && now_ms() - begin_ms < 10000)
			usleep(1000);
	}
	assert_int_equal(logger_dropped(logger), 20);
	logger_free(logger);
	close(full);
}

static void the_log_tells_later_how_many_lines_were_dropped(void **state)
{
	(void)state;
	while (logger_dropped(test.logger) < 10)
		log_each(test.logger, LOG_INFO, "ordinary");
	int flags = fcntl(test.read_end, F_GETFL);
	fcntl(test.read_end, F_SETFL, flags | O_NONBLOCK);
	bool is_told = false;
	for (uint64_t start_ms = now_ms(); !is_told && now_ms() - start_ms < 10000;) {
		log_each(test.logger, LOG_ERROR, "urgent");
		ssize_t length = read(test.read_end, test.text, sizeof test.text - 1);
		test.text[length < 0 ? 0 : length] = '\0';
		is_told = strstr(test.text, "\"message\":\"log lines were dropped\",\"dropped\":10}\n") != NULL;
	}
	assert_true(is_told);
	close(test.read_end);
	test.read_end = open("/dev/null", O_RDONLY);
}

static void a_reader_that_went_away_does_no_harm(void **state)
{
	(void)state;
	close(test.read_end);
	test.read_end = open("/dev/null", O_RDONLY);
	for (uint32_t i = 0; i < 1000; i++)
		log_each(test.logger, LOG_ERROR, "nobody reads this");
}

static void the_same_message_is_written_ten_times_a_second_and_the_rest_counted(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		log_event(test.logger, LOG_WARN, "it hangs", log_uint("i", i));
	log_event(test.logger, LOG_WARN, "it is back");
	logger_tell_left_out(test.logger, true);
	const char *text = written();
	uint32_t lines = 0;
	for (const char *at = text; (at = strstr(at, "\"message\":\"it hangs\"")) != NULL; at++)
		lines++;
	assert_true(lines >= 10 && lines <= 30); /* a second may have ended meanwhile, or two */
	assert_non_null(strstr(text, "\"message\":\"it is back\""));
	char told[128];
	snprintf(told, sizeof told, "\"message\":\"log lines were left out\",\"of\":\"it hangs\",\"left_out\":%u}\n", 1000 - lines);
	assert_non_null(strstr(text, told));
}

static void debug_is_turned_on_and_off(void **state)
{
	(void)state;
	log_event(test.logger, LOG_DEBUG, "before");
	assert_int_equal(logger_toggle_debug(test.logger), LOG_DEBUG);
	log_event(test.logger, LOG_DEBUG, "meanwhile");
	assert_int_equal(logger_toggle_debug(test.logger), LOG_INFO);
	log_event(test.logger, LOG_DEBUG, "after");
	const char *text = written();
	assert_null(strstr(text, "before"));
	assert_non_null(strstr(text, "\"level\":\"debug\",\"message\":\"meanwhile\""));
	assert_null(strstr(text, "after"));
}

/* The log of a process that dies of a failed assert. */
static void an_abort_loses_no_line(void **state)
{
	(void)state;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		struct logger *logger;
		if (logger_new(test.write_end, LOG_INFO, &logger) != OK)
			_exit(1);
		logger_flush_on_abort(logger);
		for (uint32_t i = 0; i < 100; i++)
			log_each(logger, LOG_INFO, "before", log_uint("i", i));
		log_event(logger, LOG_ERROR, "the end");
		abort();
	}
	assert_true(child > 0);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	const char *text = written();
	assert_non_null(strstr(text, "\"i\":99}\n"));
	assert_non_null(strstr(text, "\"message\":\"the end\"}\n"));
}

static void an_abort_does_not_wait_for_ever(void **state)
{
	(void)state;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		struct logger *logger;
		if (logger_new(test.write_end, LOG_INFO, &logger) != OK)
			_exit(1);
		logger_flush_on_abort(logger);
		while (logger_dropped(logger) == 0)
			log_each(logger, LOG_INFO, "nobody reads this");
		abort();
	}
	int status;
	uint64_t start_ms = now_ms();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_true(now_ms() - start_ms < 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_has_time_level_message_and_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_line_for_people_reads_from_left_to_right, set_up, tear_down),
		cmocka_unit_test_setup_teardown(logged_values_do_not_steer_a_terminal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_line_for_people_is_cut_as_well, set_up, tear_down),
		cmocka_unit_test(lines_that_the_file_refuses_are_counted),
		cmocka_unit_test_setup_teardown(fields_below_the_level_are_not_evaluated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(fields_that_do_not_fit_are_left_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lines_of_several_threads_do_not_mix, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_waits_for_a_stuck_pipe, set_up, tear_down),
		cmocka_unit_test(a_file_that_takes_nothing_loses_as_many_lines_as_there_were),
		cmocka_unit_test_setup_teardown(the_log_tells_later_how_many_lines_were_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reader_that_went_away_does_no_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_abort_loses_no_line, set_up_pipe, tear_down),
		cmocka_unit_test_setup_teardown(the_same_message_is_written_ten_times_a_second_and_the_rest_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(debug_is_turned_on_and_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_abort_does_not_wait_for_ever, set_up_pipe, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
