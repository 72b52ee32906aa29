/* test_reactor.c: timers, sockets and waking from another thread. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/reactor.h"

#define LARGE (8 << 20) /* more than two sockets hold */
#define RUNS_MAX 100000

static struct reactor *reactor;
static uint32_t wakes;

static void on_woken(void *context)
{
	assert_ptr_equal(context, &wakes);
	wakes++;
}

static int start(void **state)
{
	(void)state;
	wakes = 0;
	return reactor_new(on_woken, &wakes, &reactor) == OK ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	reactor_free(reactor);
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t processor_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One end of a pair of sockets as a stream, and what it was told. */
struct end {
	struct stream *stream;
	int other; /* the test's end */
	uint32_t readable_count;
	uint32_t written_count;
	bool is_whole;
	struct end *closes; /* when it is readable */
};

static void on_readable(void *context)
{
	struct end *end = context;
	end->readable_count++;
	if (end->closes != NULL && end->closes->stream != NULL) {
		stream_close(end->closes->stream);
		end->closes->stream = NULL;
	}
}

static void on_written(void *context, bool is_whole)
{
	struct end *end = context;
	end->written_count++;
	end->is_whole = is_whole;
}

static void open_pair(struct end *end)
{
	int sockets[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets), 0);
	*end = (struct end){.other = sockets[1]};
	assert_int_equal(stream_new(reactor, sockets[0], on_readable, end, &end->stream), OK);
}

static void close_pair(struct end *end)
{
	if (end->stream != NULL)
		stream_close(end->stream);
	close(end->other);
}

struct note {
	struct timer timer;
	uint32_t *next;
	uint32_t order; /* 1, 2, …; 0: it has not expired */
	uint64_t at_ms;
};

static void on_expired(struct timer *timer)
{
	struct note *note = container_of(timer, struct note, timer);
	assert_false(timer_is_started(timer));
	note->order = ++*note->next;
	note->at_ms = now_ms();
}

static void timers_expire_in_the_order_of_their_times(void **state)
{
	(void)state;
	struct timer_queue queues[2];
	timer_queue_init(&queues[1], reactor, 20); /* the first: a run that comes late finds all of them due, and serves queue by queue */
	timer_queue_init(&queues[0], reactor, 60);
	uint32_t next = 0;
	struct note notes[4];
	for (uint32_t i = 0; i < 4; i++) {
		notes[i] = (struct note){.timer.expired = on_expired, .next = &next};
		timer_start(&queues[i % 2], &notes[i].timer);
	}
	timer_stop(&notes[2].timer);
	timer_stop(&notes[2].timer); /* again is all the same */
	while (notes[0].order == 0)
		reactor_run(reactor);
	assert_int_equal(notes[1].order, 1);
	assert_int_equal(notes[3].order, 2);
	assert_int_equal(notes[0].order, 3);
	assert_int_equal(notes[2].order, 0);
	assert_int_equal(notes[0].timer.due_ms - notes[1].timer.due_ms, 40);
	assert_true(notes[1].at_ms >= notes[1].timer.due_ms && notes[0].at_ms >= notes[0].timer.due_ms);
}

static void start_again(struct timer *timer)
{
	struct note *note = container_of(timer, struct note, timer);
	(*note->next)++;
	timer_start((struct timer_queue *)note->at_ms, timer);
}

static void a_timer_that_starts_itself_again_does_not_keep_the_others_from_their_turn(void **state)
{
	(void)state;
	struct timer_queue queue;
	timer_queue_init(&queue, reactor, 1);
	uint32_t count = 0;
	struct note note = {.timer.expired = start_again, .next = &count, .at_ms = (uint64_t)(uintptr_t)&queue};
	timer_start(&queue, &note.timer);
	for (uint32_t runs = 0; runs < RUNS_MAX && *note.next < 5; runs++) {
		uint32_t before = count;
		reactor_run(reactor);
		assert_true(count <= before + 1);
	}
	assert_int_equal(count, 5);
	timer_stop(&note.timer);
}

static void *wake_often(void *argument)
{
	(void)argument;
	for (int i = 0; i < 1000; i++)
		reactor_wake(reactor);
	return NULL;
}

static void another_thread_wakes_it_and_no_call_is_lost(void **state)
{
	(void)state;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, wake_often, NULL), 0);
	reactor_run(reactor); /* there is nothing else to wait for */
	assert_true(wakes >= 1);
	pthread_join(thread, NULL);
	uint32_t before = wakes;
	reactor_wake(reactor);
	reactor_wake(reactor);
	reactor_run(reactor);
	assert_int_equal(wakes, before + 1);
}

static void unread_bytes_are_told_again_until_reading_stops(void **state)
{
	(void)state;
	struct end end;
	open_pair(&end);
	assert_int_equal(write(end.other, "a", 1), 1);
	reactor_run(reactor);
	reactor_run(reactor);
	assert_int_equal(end.readable_count, 2);
	stream_read_stop(end.stream);
	reactor_wake(reactor);
	reactor_run(reactor);
	assert_int_equal(end.readable_count, 2);
	stream_read_start(end.stream, on_readable);
	reactor_run(reactor);
	assert_int_equal(end.readable_count, 3);
	close_pair(&end);
}

static void a_client_that_has_gone_costs_nothing_while_nobody_reads(void **state)
{
	(void)state;
	struct end end;
	open_pair(&end);
	stream_read_stop(end.stream);
	close(end.other);
	end.other = dup(STDIN_FILENO);
	struct timer_queue queue;
	timer_queue_init(&queue, reactor, 200);
	uint32_t next = 0;
	struct note note = {.timer.expired = on_expired, .next = &next};
	timer_start(&queue, &note.timer);
	uint64_t before = processor_ms();
	uint32_t runs = 0;
	for (; note.order == 0; runs++)
		reactor_run(reactor);
	assert_true(runs < 10);
	assert_true(processor_ms() - before < 100);
	assert_int_equal(end.readable_count, 0);
	stream_read_start(end.stream, on_readable);
	reactor_run(reactor);
	assert_int_equal(end.readable_count, 1);
	close_pair(&end);
}

static size_t take(int descriptor, char *bytes, size_t capacity)
{
	ssize_t length = read(descriptor, bytes, capacity);
	assert_true(length > 0 || errno == EAGAIN);
	return length > 0 ? (size_t)length : 0;
}

static void a_write_goes_on_as_its_reader_reads(void **state)
{
	(void)state;
	struct end end;
	open_pair(&end);
	char *sent = malloc(LARGE), *received = malloc(LARGE);
	for (size_t i = 0; i < LARGE; i++)
		sent[i] = (char)(i * 7 + i / 251);
	const struct slice pieces[2] = {{.data = sent, .length = 1000}, {.data = sent + 1000, .length = LARGE - 1000}};
	stream_write(end.stream, pieces, 2, on_written);
	assert_int_equal(end.written_count, 0);
	size_t length = 0;
	for (uint32_t runs = 0; length < LARGE || end.written_count == 0; runs++) {
		assert_true(runs < RUNS_MAX);
		if (length < LARGE)
			length += take(end.other, received + length, runs % 3 == 0 ? 999 : 70001);
		reactor_wake(reactor);
		reactor_run(reactor);
	}
	assert_int_equal(end.written_count, 1);
	assert_true(end.is_whole);
	assert_memory_equal(sent, received, LARGE);
	free(sent);
	free(received);
	close_pair(&end);
}

static void a_small_write_is_told_by_the_next_run(void **state)
{
	(void)state;
	struct end end;
	open_pair(&end);
	const struct slice piece = SLICE("hello");
	stream_write(end.stream, &piece, 1, on_written);
	assert_int_equal(end.written_count, 0);
	reactor_run(reactor);
	assert_int_equal(end.written_count, 1);
	assert_true(end.is_whole);
	char bytes[8];
	assert_int_equal(take(end.other, bytes, sizeof bytes), 5);
	stream_write(end.stream, &piece, 1, on_written);
	close_pair(&end); /* nothing is told any more */
	assert_int_equal(end.written_count, 1);
}

static void a_write_to_one_that_has_gone_fails(void **state)
{
	(void)state;
	struct end end;
	open_pair(&end);
	close(end.other);
	end.other = dup(STDIN_FILENO);
	const struct slice piece = SLICE("hello");
	stream_write(end.stream, &piece, 1, on_written);
	reactor_run(reactor);
	assert_int_equal(end.written_count, 1);
	assert_false(end.is_whole);
	close_pair(&end);
}

static void a_closed_stream_is_not_called_for_what_had_happened_to_it(void **state)
{
	(void)state;
	struct end ends[2];
	for (uint32_t i = 0; i < 2; i++)
		open_pair(&ends[i]);
	for (uint32_t i = 0; i < 2; i++) {
		ends[i].closes = &ends[1 - i];
		assert_int_equal(write(ends[i].other, "a", 1), 1);
	}
	reactor_run(reactor);
	assert_int_equal(ends[0].readable_count + ends[1].readable_count, 1);
	for (uint32_t i = 0; i < 2; i++)
		close_pair(&ends[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(timers_expire_in_the_order_of_their_times, start, stop),
		cmocka_unit_test_setup_teardown(a_timer_that_starts_itself_again_does_not_keep_the_others_from_their_turn, start, stop),
		cmocka_unit_test_setup_teardown(another_thread_wakes_it_and_no_call_is_lost, start, stop),
		cmocka_unit_test_setup_teardown(unread_bytes_are_told_again_until_reading_stops, start, stop),
		cmocka_unit_test_setup_teardown(a_client_that_has_gone_costs_nothing_while_nobody_reads, start, stop),
		cmocka_unit_test_setup_teardown(a_write_goes_on_as_its_reader_reads, start, stop),
		cmocka_unit_test_setup_teardown(a_small_write_is_told_by_the_next_run, start, stop),
		cmocka_unit_test_setup_teardown(a_write_to_one_that_has_gone_fails, start, stop),
		cmocka_unit_test_setup_teardown(a_closed_stream_is_not_called_for_what_had_happened_to_it, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
