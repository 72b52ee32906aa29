/* test_admission.c: the contract of ports/admission.h, for every adapter. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapters/local/admission.h"

#define NOW_MS 1000000

struct limits {
	uint32_t user_quota;
	uint32_t service_quota;
	uint32_t address_quota;
};

static struct admission *admission_for(struct limits limits)
{
	const struct local_admission_options options = {
		.user_quota = limits.user_quota,
		.user_window_ms = 60000,
		.service_quota = limits.service_quota,
		.service_window_ms = 60000,
		.address_quota = limits.address_quota,
		.address_window_ms = 10000,
		.callers_max = 100000,
		.keys_max = 65536,
		.seed = {.k0 = 5, .k1 = 6},
	};
	struct admission *admission;
	assert_int_equal(local_admission_new(&options, &admission), OK);
	return admission;
}

static struct admission_request request_of(struct slice user, struct slice address, uint64_t now_ms)
{
	return (struct admission_request){.user = user, .address = address, .now_ms = now_ms};
}

static struct idempotency key_of(uint8_t key, uint8_t fingerprint)
{
	return (struct idempotency){.is_present = true, .key = {key}, .fingerprint = {fingerprint}};
}

static struct admission_request admit(struct admission *admission, struct admission_request request)
{
	admission->operations->admit(admission, &request, 1);
	return request;
}

static struct admission_request admit_key(struct admission *admission, struct idempotency key, uint64_t now_ms)
{
	struct admission_request request = request_of(SLICE("ada"), SLICE("192.0.2.1"), now_ms);
	request.idempotency = key;
	return admit(admission, request);
}

static void finish(struct admission *admission, struct idempotency key, enum admission_end end, uint64_t now_ms)
{
	admission->operations->finish(admission, &key, end, now_ms);
}

static void user_is_limited_and_told_when_to_come_again(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 3});
	struct admission_request request;
	for (uint32_t i = 0; i < 3; i++) {
		request = admit(admission, request_of(SLICE("ada"), SLICE("192.0.2.1"), NOW_MS + i));
		assert_int_equal(request.ret_verdict, ADMISSION_GO);
		assert_int_equal(request.ret_user.remaining, 2 - i);
	}
	assert_true(request.ret_user.is_limited);
	assert_int_equal(request.ret_user.quota, 3);
	assert_int_equal(request.ret_user.window_s, 60);
	assert_int_equal(request.ret_user.reset_s, 60);
	assert_false(request.ret_address.is_limited);

	request = admit(admission, request_of(SLICE("ada"), SLICE("192.0.2.2"), NOW_MS + 500));
	assert_int_equal(request.ret_verdict, ADMISSION_LIMITED);
	assert_int_equal(request.ret_retry_after_ms, 59500);
	assert_int_equal(request.ret_user.remaining, 0);
	request = admit(admission, request_of(SLICE("bob"), SLICE("192.0.2.1"), NOW_MS + 500));
	assert_int_equal(request.ret_verdict, ADMISSION_GO);
	request = admit(admission, request_of(SLICE("ada"), SLICE("192.0.2.1"), NOW_MS + 60000));
	assert_int_equal(request.ret_verdict, ADMISSION_GO);
	assert_int_equal(request.ret_user.remaining, 0);
	admission_free(admission);
}

static void request_counts_in_both_windows_or_in_none(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 5, .address_quota = 2});
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(admit(admission, request_of(SLICE("ada"), SLICE("192.0.2.1"), NOW_MS)).ret_verdict, ADMISSION_GO);
	struct admission_request request = admit(admission, request_of(SLICE("ada"), SLICE("192.0.2.1"), NOW_MS));
	assert_int_equal(request.ret_verdict, ADMISSION_LIMITED);
	assert_int_equal(request.ret_retry_after_ms, 10000);
	assert_int_equal(request.ret_user.remaining, 3);
	assert_int_equal(request.ret_address.remaining, 0);

	request = admit(admission, request_of(SLICE("ada"), SLICE("192.0.2.2"), NOW_MS));
	assert_int_equal(request.ret_verdict, ADMISSION_GO);
	assert_int_equal(request.ret_user.remaining, 2);
	assert_int_equal(request.ret_address.remaining, 1);
	admission_free(admission);
}

static void without_limits_everything_goes_on(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){0});
	for (uint32_t i = 0; i < 10000; i++) {
		struct admission_request request = admit(admission, request_of(SLICE("ada"), SLICE("192.0.2.1"), NOW_MS));
		assert_int_equal(request.ret_verdict, ADMISSION_GO);
		assert_false(request.ret_user.is_limited || request.ret_address.is_limited);
	}
	admission_free(admission);
}

static void key_in_use_is_busy_until_it_is_finished(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){0});
	struct admission_request request = admit_key(admission, key_of(1, 1), NOW_MS);
	assert_int_equal(request.ret_verdict, ADMISSION_GO);
	assert_false(request.ret_is_repeat);
	request = admit_key(admission, key_of(1, 1), NOW_MS);
	assert_int_equal(request.ret_verdict, ADMISSION_BUSY);
	assert_true(request.ret_retry_after_ms > 0);
	assert_int_equal(admit_key(admission, key_of(1, 2), NOW_MS).ret_verdict, ADMISSION_MISMATCH);
	assert_int_equal(admit_key(admission, key_of(2, 1), NOW_MS).ret_verdict, ADMISSION_GO);

	finish(admission, key_of(1, 1), ADMISSION_DONE, NOW_MS);
	for (uint32_t i = 0; i < 3; i++) { /* repeats do not stand in each other's way */
		request = admit_key(admission, key_of(1, 1), NOW_MS);
		assert_int_equal(request.ret_verdict, ADMISSION_GO);
		assert_true(request.ret_is_repeat);
	}
	assert_int_equal(admit_key(admission, key_of(1, 2), NOW_MS).ret_verdict, ADMISSION_MISMATCH);
	admission_free(admission);
}

static void refused_key_may_be_used_again_with_another_body(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){0});
	assert_int_equal(admit_key(admission, key_of(1, 1), NOW_MS).ret_verdict, ADMISSION_GO);
	finish(admission, key_of(1, 1), ADMISSION_FORGET, NOW_MS);
	struct admission_request request = admit_key(admission, key_of(1, 2), NOW_MS);
	assert_int_equal(request.ret_verdict, ADMISSION_GO);
	assert_false(request.ret_is_repeat);
	admission_free(admission);
}

static void key_whose_request_died_is_free_after_its_lease(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){0});
	assert_int_equal(admit_key(admission, key_of(1, 1), NOW_MS).ret_verdict, ADMISSION_GO);
	assert_int_equal(admit_key(admission, key_of(1, 1), NOW_MS + ADMISSION_LEASE_MS - 1).ret_verdict, ADMISSION_BUSY);
	assert_int_equal(admit_key(admission, key_of(1, 1), NOW_MS + ADMISSION_LEASE_MS).ret_verdict, ADMISSION_GO);
	admission_free(admission);
}

static void every_request_counts_whatever_its_key(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 5});
	assert_int_equal(admit_key(admission, key_of(1, 1), NOW_MS).ret_user.remaining, 4);
	struct admission_request busy = admit_key(admission, key_of(1, 1), NOW_MS);
	assert_int_equal(busy.ret_verdict, ADMISSION_BUSY);
	assert_int_equal(busy.ret_user.remaining, 3);
	struct admission_request mismatch = admit_key(admission, key_of(1, 2), NOW_MS);
	assert_int_equal(mismatch.ret_verdict, ADMISSION_MISMATCH);
	assert_int_equal(mismatch.ret_user.remaining, 2);
	finish(admission, key_of(1, 1), ADMISSION_DONE, NOW_MS);
	assert_int_equal(admit_key(admission, key_of(1, 1), NOW_MS).ret_user.remaining, 1);
	assert_int_equal(admit_key(admission, key_of(1, 2), NOW_MS).ret_verdict, ADMISSION_MISMATCH);
	assert_int_equal(admit_key(admission, key_of(1, 2), NOW_MS).ret_verdict, ADMISSION_LIMITED);
	assert_int_equal(admit_key(admission, key_of(1, 1), NOW_MS).ret_verdict, ADMISSION_LIMITED);
	admission_free(admission);
}

static void a_service_is_limited_whoever_it_acts_for(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 2, .service_quota = 3});
	struct admission_request request = request_of(SLICE("ada"), (struct slice){0}, NOW_MS);
	request.service = SLICE("shop");
	assert_int_equal(admit(admission, request).ret_service.remaining, 2);
	assert_int_equal(admit(admission, request).ret_user.remaining, 0);
	assert_int_equal(admit(admission, request).ret_verdict, ADMISSION_LIMITED); /* ada is, and the shop is not counted */
	request.user = SLICE("bob");
	assert_int_equal(admit(admission, request).ret_service.remaining, 0);
	request.user = SLICE("eve");
	assert_int_equal(admit(admission, request).ret_verdict, ADMISSION_LIMITED);
	request.service = (struct slice){0};
	assert_int_equal(admit(admission, request).ret_verdict, ADMISSION_GO);
	request.service = SLICE("other shop");
	assert_int_equal(admit(admission, request).ret_service.remaining, 2);
	admission_free(admission);
}

static void limited_request_leaves_its_key_unused(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 1});
	assert_int_equal(admit_key(admission, key_of(1, 1), NOW_MS).ret_verdict, ADMISSION_GO);
	assert_int_equal(admit_key(admission, key_of(2, 1), NOW_MS).ret_verdict, ADMISSION_LIMITED);
	assert_int_equal(admit_key(admission, key_of(2, 2), NOW_MS + 60000).ret_verdict, ADMISSION_GO);
	admission_free(admission);
}

static void batch_is_judged_in_order(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 3});
	struct admission_request requests[4];
	for (uint32_t i = 0; i < ARRAY_LENGTH(requests); i++)
		requests[i] = request_of(SLICE("ada"), (struct slice){0}, NOW_MS);
	requests[0].idempotency = key_of(1, 1);
	requests[1].idempotency = key_of(1, 1);
	admission->operations->admit(admission, requests, ARRAY_LENGTH(requests));
	assert_int_equal(requests[0].ret_verdict, ADMISSION_GO);
	assert_int_equal(requests[1].ret_verdict, ADMISSION_BUSY);
	assert_int_equal(requests[2].ret_verdict, ADMISSION_GO);
	assert_int_equal(requests[3].ret_verdict, ADMISSION_LIMITED);
	admission_free(admission);
}

struct rush {
	struct admission *admission;
	uint32_t admitted;
	uint32_t keys_taken;
};

static void *rush(void *context)
{
	struct rush *self = context;
	for (uint32_t i = 0; i < 20000; i++) {
		struct admission_request request = request_of(SLICE("ada"), SLICE("192.0.2.1"), NOW_MS);
		self->admitted += admit(self->admission, request).ret_verdict == ADMISSION_GO;
		request = request_of(SLICE("bob"), (struct slice){0}, NOW_MS);
		request.idempotency = key_of((uint8_t)(i % 100), 1);
		self->keys_taken += admit(self->admission, request).ret_verdict == ADMISSION_GO;
	}
	return NULL;
}

static void threads_together_get_exactly_the_quota_and_each_key_once(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 1000, .address_quota = 500});
	struct rush rushes[4];
	pthread_t threads[4];
	for (uint32_t i = 0; i < ARRAY_LENGTH(rushes); i++) {
		rushes[i] = (struct rush){.admission = admission};
		assert_int_equal(pthread_create(&threads[i], NULL, rush, &rushes[i]), 0);
	}
	uint32_t admitted = 0;
	uint32_t keys_taken = 0;
	for (uint32_t i = 0; i < ARRAY_LENGTH(rushes); i++) {
		pthread_join(threads[i], NULL);
		admitted += rushes[i].admitted;
		keys_taken += rushes[i].keys_taken;
	}
	assert_int_equal(admitted, 500);
	assert_int_equal(keys_taken, 100);
	admission_free(admission);
}

static void admission_costs_less_than_it_saves(void **state)
{
	(void)state;
	enum { ROUNDS = 200000 };
	struct admission *admission = admission_for((struct limits){.user_quota = 1000, .address_quota = 1000000});
	struct timespec begin;
	struct timespec end;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		char user[16];
		int length = snprintf(user, sizeof user, "u%u", i % 10000);
		struct admission_request request =
			request_of((struct slice){.data = user, .length = (size_t)length}, SLICE("192.0.2.1"), NOW_MS + i / 100);
		request.idempotency = (struct idempotency){.is_present = true};
		memcpy(request.idempotency.key, &i, sizeof i);
		admission->operations->admit(admission, &request, 1);
		assert_int_equal(request.ret_verdict, ADMISSION_GO);
		finish(admission, request.idempotency, ADMISSION_DONE, NOW_MS + i / 100);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
	print_message("admit and finish: %.0f ns\n", ns / ROUNDS);
	admission_free(admission);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_is_limited_and_told_when_to_come_again),
		cmocka_unit_test(request_counts_in_both_windows_or_in_none),
		cmocka_unit_test(without_limits_everything_goes_on),
		cmocka_unit_test(key_in_use_is_busy_until_it_is_finished),
		cmocka_unit_test(refused_key_may_be_used_again_with_another_body),
		cmocka_unit_test(key_whose_request_died_is_free_after_its_lease),
		cmocka_unit_test(every_request_counts_whatever_its_key),
		cmocka_unit_test(a_service_is_limited_whoever_it_acts_for),
		cmocka_unit_test(limited_request_leaves_its_key_unused),
		cmocka_unit_test(batch_is_judged_in_order),
		cmocka_unit_test(threads_together_get_exactly_the_quota_and_each_key_once),
		cmocka_unit_test(admission_costs_less_than_it_saves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
