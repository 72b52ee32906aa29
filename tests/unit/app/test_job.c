/* test_job.c: the stages that each kind of job goes through, and what is set when it sets out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/job.h"
#include "tests/support/commands.h"

static void done(struct job *job)
{
	(void)job;
}

static void assert_way(struct job *job, bool has_catalog, uint32_t count, const enum job_stage *stages)
{
	job->done = done;
	job_set_out(job, has_catalog, 1000);
	assert_int_equal(job->way.count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(i == 0 ? job->way.stages[0] : job_enter(job, 1000 + i), stages[i]);
		assert_int_equal(job->way.entered_ns[i], 1000 + i);
	}
	assert_false(job_goes_on(job));
}

static void commands_are_admitted_and_committed(void **state)
{
	(void)state;
	struct job job = {.kind = JOB_COMMAND, .command.kind = COMMAND_HOLD_CREATE};
	assert_way(&job, true, 2, (enum job_stage[]){STAGE_ADMISSION, STAGE_COMMIT});
}

static void changes_of_sales_go_to_the_catalog_where_there_is_one(void **state)
{
	(void)state;
	struct job job = {.kind = JOB_COMMAND};
	for (enum command_kind kind = COMMAND_SALE_CREATE; kind <= COMMAND_SALE_CANCEL; kind++) {
		job.command.kind = kind;
		assert_way(&job, true, 3, (enum job_stage[]){STAGE_ADMISSION, STAGE_COMMIT, STAGE_CATALOG});
		assert_way(&job, false, 2, (enum job_stage[]){STAGE_ADMISSION, STAGE_COMMIT});
	}
}

static void queries_are_read_from_the_store_or_the_catalog(void **state)
{
	(void)state;
	struct job job = {.kind = JOB_QUERY, .query.kind = QUERY_SEATS};
	assert_way(&job, true, 2, (enum job_stage[]){STAGE_ADMISSION, STAGE_READ});
	job.query.kind = QUERY_EVENTS;
	assert_way(&job, true, 2, (enum job_stage[]){STAGE_ADMISSION, STAGE_CATALOG});
}

static void refusals_are_only_admitted_and_keep_their_error(void **state)
{
	(void)state;
	struct job job = {.kind = JOB_REFUSAL, .outcome.error = ERR_BAD_REQUEST};
	assert_way(&job, true, 1, (enum job_stage[]){STAGE_ADMISSION});
	assert_int_equal(job.outcome.error, ERR_BAD_REQUEST);
}

static void a_job_that_sets_out_keeps_nothing_of_its_last_use(void **state)
{
	(void)state;
	struct job job = {
		.kind = JOB_COMMAND,
		.command = {.kind = COMMAND_HOLD_CREATE, .idempotency = {.is_present = true, .key = {7}}},
		.trace = {.trace_id = {1, 2}, .span_id = {3}},
		.admission = {.user = SLICE("ann"), .ret_verdict = ADMISSION_BUSY, .ret_is_repeat = true},
		.has_key_in_use = true,
		.failure = ERR_CORRUPT,
		.outcome.error = ERR_OVERLOADED,
		.done = done,
	};
	job_set_out(&job, false, UINT64_C(5000000));
	assert_true(slice_equal_string(job.admission.user, "ann"));
	assert_int_equal(job.admission.idempotency.key[0], 7);
	assert_int_equal(job.admission.now_ms, 5);
	assert_int_equal(job.admission.ret_verdict, ADMISSION_GO);
	assert_false(job.admission.ret_is_repeat || job.has_key_in_use);
	assert_int_equal(job.failure, OK);
	assert_int_equal(job.outcome.error, OK);
	assert_memory_equal(&job.command.trace, &job.trace, sizeof job.trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_admitted_and_committed),
		cmocka_unit_test(changes_of_sales_go_to_the_catalog_where_there_is_one),
		cmocka_unit_test(queries_are_read_from_the_store_or_the_catalog),
		cmocka_unit_test(refusals_are_only_admitted_and_keep_their_error),
		cmocka_unit_test(a_job_that_sets_out_keeps_nothing_of_its_last_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
