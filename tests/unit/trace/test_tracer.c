/* The queue of spans: bounded, in order, counted; with an exporter that does as it is told and a clock that is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"
#include "trace/tracer.h"

#define CAPACITY 8
#define BATCH 4
#define SECOND UINT64_C(1000000000)

static uint64_t now;

static uint64_t now_ns(void)
{
	return now;
}

struct fake {
	struct span_exporter base;
	enum export_result result;
	uint64_t wait_ms;
	uint32_t rejected;
	uint64_t takes_ns;
	uint32_t sends;
	uint32_t received; /* in all */
	uint8_t last;      /* the first byte of the last span's id */
	uint32_t problems, recoveries;
};

static struct fake fake;

static enum export_result fake_send(struct span_exporter *exporter, struct span_export *export)
{
	struct fake *self = container_of(exporter, struct fake, base);
	self->sends++;
	now += self->takes_ns;
	export->wait_ms = self->wait_ms;
	export->rejected = self->rejected;
	memcpy(export->problem, "as told", sizeof "as told");
	if (self->result == EXPORT_DONE) {
		self->received += export->count;
		for (uint32_t i = 0; i < export->count; i++) {
			assert_int_equal(export->spans[i]->context.span_id[0], self->last + 1); /* in order, each once */
			self->last++;
		}
	}
	return self->result;
}

static void fake_free(struct span_exporter *exporter)
{
	(void)exporter;
}

static const struct span_exporter_operations operations = {.send = fake_send, .free = fake_free};

static void note(void *context, const char *problem)
{
	(void)context;
	fake.problems += problem != NULL;
	fake.recoveries += problem == NULL;
}

static struct tracer *tracer;
static uint8_t brought;

static int set_up(void **state)
{
	(void)state;
	fake = (struct fake){.base.operations = &operations};
	brought = 0;
	now = 1000 * SECOND;
	const struct tracer_options options = {
		.exporter = &fake.base, .capacity = CAPACITY, .batch_max = BATCH, .now_ns = now_ns, .told = note};
	return tracer_new(&options, &tracer) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tracer_free(tracer);
	tracer = NULL;
	return 0;
}

static void bring(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct trace_context context = {.trace_id = {1}, .span_id = {++brought}, .flags = TRACE_SAMPLED};
		struct span span;
		span_init(&span, &context, SPAN_INTERNAL, "work", now, now);
		span.links = malloc(sizeof *span.links); /* the sanitizer sees whether somebody frees it */
		span.link_count = 1;
		tracer_record(tracer, &span);
	}
}

static void spans_go_out_in_batches_in_the_order_in_which_they_came(void **state)
{
	(void)state;
	bring(7);
	assert_int_equal(tracer_counters(tracer)->waiting, 7);
	assert_int_equal(tracer_step(tracer), TRACER_DELAY_MS); /* the rest may wait for others */
	assert_int_equal(fake.received, BATCH);
	assert_int_equal(tracer_step(tracer), TRACER_DELAY_MS);
	assert_int_equal(fake.received, 7);
	assert_int_equal(tracer_step(tracer), TRACER_DELAY_MS);
	assert_int_equal(fake.sends, 2);
	assert_int_equal(tracer_counters(tracer)->exported, 7);
	assert_int_equal(tracer_counters(tracer)->waiting, 0);
	bring(8); /* round the end of the ring */
	assert_int_equal(tracer_step(tracer), 0);
	(void)tracer_step(tracer);
	assert_int_equal(fake.received, 15);
}

static void spans_that_do_not_fit_are_dropped_and_counted(void **state)
{
	(void)state;
	bring(CAPACITY);
	uint8_t last = brought;
	bring(5);
	assert_int_equal(tracer_counters(tracer)->dropped_full, 5);
	assert_int_equal(tracer_counters(tracer)->waiting, CAPACITY);
	(void)tracer_step(tracer);
	(void)tracer_step(tracer);
	assert_int_equal(fake.last, last);
	assert_int_equal(tracer_counters(tracer)->recorded, CAPACITY + 5);
}

static void a_batch_that_is_asked_for_again_is_sent_a_few_times_further_and_further_apart(void **state)
{
	(void)state;
	fake.result = EXPORT_AGAIN;
	bring(6);
	for (uint32_t tries = 1; tries < TRACER_TRIES_MAX; tries++) {
		uint64_t wait_ms = tracer_step(tracer);
		assert_int_equal(fake.sends, tries);
		assert_true(wait_ms >= UINT64_C(1000) << (tries - 1));
		now += (wait_ms - 2) * 1000000;
		(void)tracer_step(tracer);
		assert_int_equal(fake.sends, tries); /* not earlier */
		now += 2 * 1000000;
	}
	(void)tracer_step(tracer);
	assert_int_equal(fake.sends, TRACER_TRIES_MAX);
	assert_int_equal(tracer_counters(tracer)->dropped_failed, BATCH);
	assert_int_equal(tracer_counters(tracer)->retries, TRACER_TRIES_MAX - 1);
	assert_int_equal(fake.problems, 1); /* told once */
	fake.result = EXPORT_DONE;
	fake.last = BATCH;
	(void)tracer_step(tracer);
	assert_int_equal(fake.received, 2); /* those behind it were not lost */
	assert_int_equal(fake.recoveries, 1);
}

static void a_receiver_says_how_long_to_wait_within_bounds(void **state)
{
	(void)state;
	fake.result = EXPORT_AGAIN;
	fake.wait_ms = 7000;
	bring(1);
	uint64_t wait_ms = tracer_step(tracer);
	assert_true(wait_ms >= 7000 && wait_ms <= 7001);
	now += 8 * SECOND;
	fake.wait_ms = 86400000;
	wait_ms = tracer_step(tracer);
	assert_true(wait_ms >= 30000 && wait_ms <= 30001);
}

static void a_failed_export_is_not_sent_again(void **state)
{
	(void)state;
	fake.result = EXPORT_FAILED;
	bring(3);
	(void)tracer_step(tracer);
	(void)tracer_step(tracer);
	assert_int_equal(fake.sends, 1);
	assert_int_equal(tracer_counters(tracer)->dropped_failed, 3);
	assert_int_equal(tracer_counters(tracer)->waiting, 0);
}

static void spans_that_the_receiver_rejects_are_counted(void **state)
{
	(void)state;
	fake.rejected = 2;
	bring(3);
	(void)tracer_step(tracer);
	assert_int_equal(tracer_counters(tracer)->exported, 1);
	assert_int_equal(tracer_counters(tracer)->rejected, 2);
}

static void the_end_sends_what_waits_while_there_is_time(void **state)
{
	bring(CAPACITY);
	tear_down(state);
	assert_int_equal(fake.received, CAPACITY);

	set_up(state);
	fake.takes_ns = (TRACER_FINISH_MS + 1) * UINT64_C(1000000);
	bring(CAPACITY);
	tear_down(state);
	assert_int_equal(fake.sends, 1);
	assert_true(fake.base.give_up_ns <= 1000 * SECOND + TRACER_FINISH_MS * UINT64_C(1000000));

	set_up(state);
	fake.result = EXPORT_AGAIN; /* nobody waits for it any more */
	bring(CAPACITY);
	tear_down(state);
	assert_int_equal(fake.sends, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(spans_go_out_in_batches_in_the_order_in_which_they_came, set_up, tear_down),
		cmocka_unit_test_setup_teardown(spans_that_do_not_fit_are_dropped_and_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_batch_that_is_asked_for_again_is_sent_a_few_times_further_and_further_apart, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(a_receiver_says_how_long_to_wait_within_bounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failed_export_is_not_sent_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(spans_that_the_receiver_rejects_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_end_sends_what_waits_while_there_is_time, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
