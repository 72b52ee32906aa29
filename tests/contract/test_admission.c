/* test_admission.c: the contract of ports/admission.h, for every adapter: in the memory of the process, and on the Redis and the Redis Cluster that
 * tests/peers/redis.py runs. Time passes at once in memory and really in Redis, which goes by its own clock: windows are short here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "adapters/local/admission.h"
#include "adapters/redis/redis.h"
#include "adapters/system/system.h"
#include "base/now.h"

#define USER_WINDOW_MS 4000
#define ADDRESS_WINDOW_MS 2000

struct limits {
	uint32_t user_quota;
	uint32_t service_quota;
	uint32_t address_quota;
};

/* The adapter that the suite runs over. */
static struct {
	const char *redis; /* address; NULL: memory */
	uint64_t now_ms;
	uint64_t slack_ms; /* how much later than asked for a moment may be */
	uint64_t run;      /* users and keys of each test are its own */
} scene = {.now_ms = 1000000};

static void pass(uint64_t ms)
{
	if (scene.redis == NULL) {
		scene.now_ms += ms;
		return;
	}
	struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000)};
	nanosleep(&pause, NULL);
}

static void assert_about_ms(uint64_t value_ms, uint64_t wanted_ms)
{
	assert_in_range(value_ms, wanted_ms > scene.slack_ms ? wanted_ms - scene.slack_ms : 0, wanted_ms);
}

static struct admission *local_for(struct limits limits)
{
	const struct local_admission_options options = {
		.user_quota = limits.user_quota,
		.user_window_ms = USER_WINDOW_MS,
		.service_quota = limits.service_quota,
		.service_window_ms = USER_WINDOW_MS,
		.address_quota = limits.address_quota,
		.address_window_ms = ADDRESS_WINDOW_MS,
		.callers_max = 100000,
		.keys_max = 65536,
		.seed = {.k0 = 5, .k1 = 6},
	};
	struct admission *admission;
	assert_int_equal(local_admission_new(&options, &admission), OK);
	return admission;
}

static struct admission *admission_for(struct limits limits)
{
	scene.run++;
	if (scene.redis == NULL)
		return local_for(limits);
	/* Requests that Redis does not judge in time go on here, which shows as a wrong verdict: the local admission has judged nothing
	 * before. */
	char message[REDIS_MESSAGE_MAX];
	const struct redis_admission_options options = {
		.address = scene.redis,
		.user_quota = limits.user_quota,
		.user_window_ms = USER_WINDOW_MS,
		.address_quota = limits.address_quota,
		.address_window_ms = ADDRESS_WINDOW_MS,
		.deadline_ms = 10000, /* the machine may be slow; a test of its own looks at the deadline */
		.local = local_for((struct limits){.service_quota = limits.service_quota}),
		.random = system_random(),
	};
	struct admission *admission;
	assert_int_equal(redis_admission_new(&options, &admission, message), OK);
	struct admission_ping ping;
	admission->operations->ping(admission, &ping);
	assert_string_equal(ping.problem, "");
	assert_true(ping.is_serving && admission->is_serving);
	return admission;
}

/* The name, for this run alone. Four are in use at once at most. */
static struct slice own(const char *name)
{
	static char names[4][64];
	static uint32_t next;
	char *text = names[next++ % 4];
	int length = snprintf(text, sizeof names[0], "%s-%llu-%p", name, (unsigned long long)scene.run, (void *)&scene);
	return (struct slice){.data = text, .length = (size_t)length};
}

static struct admission_request request_of(struct slice user, struct slice address)
{
	return (struct admission_request){.user = user, .address = address, .now_ms = scene.now_ms};
}

static struct idempotency key_of(uint8_t key, uint8_t fingerprint)
{
	struct idempotency idempotency = {.is_present = true, .key = {key}, .fingerprint = {fingerprint}};
	memcpy(idempotency.key + 8, &scene.run, sizeof scene.run);
	return idempotency;
}

static struct admission_request admit(struct admission *admission, struct admission_request request)
{
	admission->operations->admit(admission, &request, 1);
	return request;
}

static struct admission_request request_of_key(struct idempotency key)
{
	struct admission_request request = request_of(own("ada"), own("192.0.2.1"));
	request.idempotency = key;
	return request;
}

static struct admission_request admit_key(struct admission *admission, struct idempotency key)
{
	return admit(admission, request_of_key(key));
}

static void finish(struct admission *admission, struct idempotency key, enum admission_end end)
{
	struct admission_request request = request_of_key(key);
	admission->operations->finish(admission, &request, end, scene.now_ms);
}

static void user_is_limited_and_told_when_to_come_again(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 3});
	struct admission_request request;
	for (uint32_t i = 0; i < 3; i++) {
		request = admit(admission, request_of(own("ada"), own("192.0.2.1")));
		assert_int_equal(request.ret_verdict, ADMISSION_GO);
		assert_int_equal(request.ret_user.remaining, 2 - i);
	}
	assert_true(request.ret_user.is_limited);
	assert_int_equal(request.ret_user.quota, 3);
	assert_int_equal(request.ret_user.window_s, USER_WINDOW_MS / 1000);
	assert_int_equal(request.ret_user.reset_s, USER_WINDOW_MS / 1000);
	assert_false(request.ret_address.is_limited);

	pass(500);
	request = admit(admission, request_of(own("ada"), own("192.0.2.2")));
	assert_int_equal(request.ret_verdict, ADMISSION_LIMITED);
	assert_about_ms(request.ret_retry_after_ms, USER_WINDOW_MS - 500);
	assert_int_equal(request.ret_user.remaining, 0);
	assert_int_equal(admit(admission, request_of(own("bob"), own("192.0.2.1"))).ret_verdict, ADMISSION_GO);
	pass(request.ret_retry_after_ms);
	request = admit(admission, request_of(own("ada"), own("192.0.2.1")));
	assert_int_equal(request.ret_verdict, ADMISSION_GO);
	admission_free(admission);
}

static void request_counts_in_both_windows_or_in_none(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 5, .address_quota = 2});
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(admit(admission, request_of(own("ada"), own("192.0.2.1"))).ret_verdict, ADMISSION_GO);
	struct admission_request request = admit(admission, request_of(own("ada"), own("192.0.2.1")));
	assert_int_equal(request.ret_verdict, ADMISSION_LIMITED);
	assert_about_ms(request.ret_retry_after_ms, ADDRESS_WINDOW_MS);
	assert_int_equal(request.ret_address.remaining, 0);

	request = admit(admission, request_of(own("ada"), own("192.0.2.2")));
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
		struct admission_request request = admit(admission, request_of(own("ada"), own("192.0.2.1")));
		assert_int_equal(request.ret_verdict, ADMISSION_GO);
		assert_false(request.ret_user.is_limited || request.ret_address.is_limited);
	}
	admission_free(admission);
}

static void key_in_use_is_busy_until_it_is_finished(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){0});
	struct admission_request request = admit_key(admission, key_of(1, 1));
	assert_int_equal(request.ret_verdict, ADMISSION_GO);
	assert_false(request.ret_is_repeat);
	request = admit_key(admission, key_of(1, 1));
	assert_int_equal(request.ret_verdict, ADMISSION_BUSY);
	assert_true(request.ret_retry_after_ms > 0);
	assert_int_equal(admit_key(admission, key_of(1, 2)).ret_verdict, ADMISSION_MISMATCH);
	assert_int_equal(admit_key(admission, key_of(2, 1)).ret_verdict, ADMISSION_GO);

	finish(admission, key_of(1, 1), ADMISSION_DONE);
	for (uint32_t i = 0; i < 3; i++) { /* repeats do not stand in each other's way */
		request = admit_key(admission, key_of(1, 1));
		assert_int_equal(request.ret_verdict, ADMISSION_GO);
		assert_true(request.ret_is_repeat);
	}
	assert_int_equal(admit_key(admission, key_of(1, 2)).ret_verdict, ADMISSION_MISMATCH);
	admission_free(admission);
}

static void refused_key_may_be_used_again_with_another_body(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){0});
	assert_int_equal(admit_key(admission, key_of(1, 1)).ret_verdict, ADMISSION_GO);
	finish(admission, key_of(1, 1), ADMISSION_FORGET);
	struct admission_request request = admit_key(admission, key_of(1, 2));
	assert_int_equal(request.ret_verdict, ADMISSION_GO);
	assert_false(request.ret_is_repeat);
	admission_free(admission);
}

/* A lease is a minute: over Redis the test would take one. */
static void key_whose_request_died_is_free_after_its_lease(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){0});
	assert_int_equal(admit_key(admission, key_of(1, 1)).ret_verdict, ADMISSION_GO);
	pass(ADMISSION_LEASE_MS - 1);
	assert_int_equal(admit_key(admission, key_of(1, 1)).ret_verdict, ADMISSION_BUSY);
	pass(1);
	assert_int_equal(admit_key(admission, key_of(1, 1)).ret_verdict, ADMISSION_GO);
	admission_free(admission);
}

static void every_request_counts_also_one_refused_for_its_key(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 5});
	assert_int_equal(admit_key(admission, key_of(1, 1)).ret_user.remaining, 4);
	assert_int_equal(admit_key(admission, key_of(1, 1)).ret_user.remaining, 3);
	assert_int_equal(admit_key(admission, key_of(1, 2)).ret_user.remaining, 2);
	finish(admission, key_of(1, 1), ADMISSION_DONE);
	assert_int_equal(admit_key(admission, key_of(1, 1)).ret_user.remaining, 1);
	assert_int_equal(admit_key(admission, key_of(1, 2)).ret_verdict, ADMISSION_MISMATCH);
	assert_int_equal(admit_key(admission, key_of(1, 2)).ret_verdict, ADMISSION_LIMITED);
	admission_free(admission);
}

static void a_service_is_limited_whoever_it_acts_for(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 2, .service_quota = 3});
	struct admission_request request = request_of(own("ada"), (struct slice){0});
	request.service = SLICE("shop");
	assert_int_equal(admit(admission, request).ret_service.remaining, 2);
	assert_int_equal(admit(admission, request).ret_user.remaining, 0);
	struct admission_request refused = admit(admission, request); /* ada is, and the shop is not counted */
	assert_true(refused.ret_verdict == ADMISSION_LIMITED && refused.ret_service.remaining == 1);
	request.user = (struct slice){0};
	assert_int_equal(admit(admission, request).ret_service.remaining, 0);
	request.user = own("eve");
	refused = admit(admission, request);
	assert_true(refused.ret_verdict == ADMISSION_LIMITED && refused.ret_service.remaining == 0);
	assert_in_range(refused.ret_retry_after_ms, 1, USER_WINDOW_MS);
	request.service = SLICE("other shop");
	request = admit(admission, request); /* eve is not counted either */
	assert_true(request.ret_user.remaining == 1 && request.ret_service.remaining == 2);
	admission_free(admission);
}

static void limited_request_leaves_its_key_unused(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 1});
	assert_int_equal(admit_key(admission, key_of(1, 1)).ret_verdict, ADMISSION_GO);
	assert_int_equal(admit_key(admission, key_of(2, 1)).ret_verdict, ADMISSION_LIMITED);
	pass(USER_WINDOW_MS);
	assert_int_equal(admit_key(admission, key_of(2, 2)).ret_verdict, ADMISSION_GO);
	admission_free(admission);
}

static void request_refused_for_its_address_leaves_its_key_unused(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 10, .address_quota = 1});
	assert_int_equal(admit_key(admission, key_of(1, 1)).ret_verdict, ADMISSION_GO);
	assert_int_equal(admit_key(admission, key_of(2, 1)).ret_verdict, ADMISSION_LIMITED);
	pass(ADDRESS_WINDOW_MS);
	assert_int_equal(admit_key(admission, key_of(2, 2)).ret_verdict, ADMISSION_GO);
	admission_free(admission);
}

static void batch_is_judged_in_order(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 3});
	struct admission_request requests[4];
	for (uint32_t i = 0; i < ARRAY_LENGTH(requests); i++)
		requests[i] = request_of(own("ada"), (struct slice){0});
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
	struct slice user;
	struct slice other;
	struct slice address;
	uint32_t rounds;
	uint32_t admitted;
	uint32_t keys_taken;
};

static void *rush(void *context)
{
	struct rush *self = context;
	for (uint32_t i = 0; i < self->rounds; i++) {
		struct admission_request request = request_of(self->user, self->address);
		self->admitted += admit(self->admission, request).ret_verdict == ADMISSION_GO;
		request = request_of(self->other, (struct slice){0});
		request.idempotency = key_of((uint8_t)(i % 100), 1);
		self->keys_taken += admit(self->admission, request).ret_verdict == ADMISSION_GO;
	}
	return NULL;
}

static void threads_together_get_exactly_the_quota_and_each_key_once(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 100000, .address_quota = 150});
	struct slice user = own("ada");
	struct slice other = own("bob");
	struct slice address = own("192.0.2.1");
	struct rush rushes[4];
	pthread_t threads[4];
	for (uint32_t i = 0; i < ARRAY_LENGTH(rushes); i++) {
		rushes[i] = (struct rush){.admission = admission, .user = user, .other = other, .address = address};
		rushes[i].rounds = scene.redis == NULL ? 20000 : 200; /* over Redis within one window */
		assert_int_equal(pthread_create(&threads[i], NULL, rush, &rushes[i]), 0);
	}
	uint32_t admitted = 0;
	uint32_t keys_taken = 0;
	for (uint32_t i = 0; i < ARRAY_LENGTH(rushes); i++) {
		pthread_join(threads[i], NULL);
		admitted += rushes[i].admitted;
		keys_taken += rushes[i].keys_taken;
	}
	assert_int_equal(admitted, 150);
	assert_int_equal(keys_taken, 100);
	admission_free(admission);
}

/* Two tests of a process beside Redis, by the real clock: the local admission has limits, too. Not pinged: no connection yet. */
static struct admission *process_beside_redis(uint32_t user_quota)
{
	char message[REDIS_MESSAGE_MAX];
	const struct local_admission_options local = {.user_quota = user_quota,
	                                              .user_window_ms = 600000,
	                                              .service_quota = 4,
	                                              .service_window_ms = 600000,
	                                              .callers_max = 1000,
	                                              .keys_max = 1024,
	                                              .seed = {.k0 = 5, .k1 = 6}};
	struct redis_admission_options options = {
		.address = scene.redis,
		.user_quota = user_quota,
		.user_window_ms = 600000,
		.deadline_ms = 10000,
		.random = system_random(),
	};
	struct admission *admission;
	scene.run++;
	assert_int_equal(local_admission_new(&local, &options.local), OK);
	assert_int_equal(redis_admission_new(&options, &admission, message), OK);
	return admission;
}

static void ping(struct admission *admission)
{
	struct admission_ping found;
	admission->operations->ping(admission, &found);
	assert_string_equal(found.problem, "");
	assert_true(found.is_serving && admission->is_serving);
}

/* Counts those let pass, and asserts who judged the others and these. */
static uint32_t admit_many(struct admission *admission, struct slice user, uint32_t count, bool is_shared)
{
	uint32_t passed = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct admission_request request = request_of(user, (struct slice){0});
		request.now_ms = monotonic_now_ms();
		request = admit(admission, request);
		passed += request.ret_verdict == ADMISSION_GO;
		assert_true(request.ret_is_shared == is_shared);
	}
	return passed;
}

/* Every server at the addresses closes all connections. */
static void close_all_connections(void)
{
	static const char command[] = "CLIENT KILL TYPE normal\r\n";
	char places[512], *rest = places, answer[64];
	(void)snprintf(places, sizeof places, "%s", scene.redis);
	for (char *place = strtok_r(places, ",", &rest); place != NULL; place = strtok_r(NULL, ",", &rest)) {
		struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		address.sin_port = htons((uint16_t)strtoul(strrchr(place, ':') + 1, NULL, 10));
		int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(file, (const struct sockaddr *)&address, sizeof address), 0);
		assert_int_equal(write(file, command, sizeof command - 1), sizeof command - 1);
		assert_true(read(file, answer, sizeof answer) > 0);
		(void)close(file);
	}
}

static void a_process_lets_no_more_than_the_limit_pass_when_redis_goes(void **state)
{
	(void)state;
	struct admission *admission = process_beside_redis(10);
	struct slice user = own("ada"), other = own("bob");
	ping(admission);
	assert_int_equal(admit_many(admission, user, 6, true), 6);
	assert_int_equal(admit_many(admission, other, 12, true), 10);
	close_all_connections();
	assert_int_equal(admit_many(admission, user, 10, false), 4);
	assert_int_equal(admit_many(admission, other, 10, false), 0);
	admission_free(admission);
}

static void a_request_counts_once_for_its_service_when_redis_goes(void **state)
{
	(void)state;
	struct admission *admission = process_beside_redis(10);
	ping(admission);
	close_all_connections();
	for (uint32_t i = 0; i < 6; i++) {
		struct admission_request request = request_of(own("ada"), (struct slice){0});
		request.service = SLICE("shop");
		request.now_ms = monotonic_now_ms();
		request = admit(admission, request);
		assert_false(request.ret_is_shared);
		assert_int_equal(request.ret_verdict, i < 4 ? ADMISSION_GO : ADMISSION_LIMITED);
		assert_int_equal(request.ret_service.remaining, i < 4 ? 3 - i : 0);
		assert_true(slice_equal_string(request.service, "shop"));
	}
	admission_free(admission);
}

static void a_process_lets_no_more_than_the_limit_pass_when_redis_is_back(void **state)
{
	(void)state;
	struct admission *admission = process_beside_redis(10), *neighbour = process_beside_redis(10);
	struct slice user = own("ada");
	assert_int_equal(admit_many(admission, user, 8, false), 8);
	ping(admission);
	ping(neighbour);
	assert_int_equal(admit_many(admission, user, 2, true), 2);
	struct admission_request request = request_of(user, (struct slice){0});
	request.now_ms = monotonic_now_ms();
	request.idempotency = key_of(1, 1);
	struct admission_request refused = admit(admission, request);
	assert_true(refused.ret_verdict == ADMISSION_LIMITED && refused.ret_user.remaining == 0);
	assert_in_range(refused.ret_retry_after_ms, 1, 600000);
	admission->operations->admit(admission, NULL, 0);

	/* Redis counted the two that passed, not the one refused here, whose key is free. */
	assert_int_equal(admit(neighbour, request).ret_verdict, ADMISSION_GO);
	assert_int_equal(admit_many(neighbour, user, 9, true), 7);
	admission_free(admission);
	admission_free(neighbour);
}

static void every_window_or_none_counts_what_another_admission_let_pass(void **state)
{
	(void)state;
	struct admission *admission = admission_for((struct limits){.user_quota = 3, .service_quota = 3, .address_quota = 2});
	struct admission_request judged = request_of(SLICE("ada"), SLICE("192.0.2.1"));
	judged.service = SLICE("shop");
	judged.ret_is_shared = judged.ret_is_repeat = true;
	judged.ret_user = (struct admission_quota){.is_limited = true, .quota = 3, .window_s = 4, .remaining = 1, .reset_s = 2};
	struct admission_request request = judged;
	admission->operations->count(admission, &request);
	assert_true(request.ret_verdict == ADMISSION_GO && request.ret_is_shared && request.ret_is_repeat);
	assert_true(request.ret_user.remaining == 1 && request.ret_user.reset_s == 2); /* the other one knows of more */
	pass(500);
	request = judged;
	request.now_ms = scene.now_ms;
	request.ret_verdict = ADMISSION_BUSY;
	request.ret_user.remaining = 2;
	admission->operations->count(admission, &request);
	assert_true(request.ret_verdict == ADMISSION_BUSY && request.ret_user.remaining == 1);

	request = judged;
	request.now_ms = scene.now_ms;
	admission->operations->count(admission, &request);
	assert_int_equal(request.ret_verdict, ADMISSION_LIMITED);
	assert_false(request.ret_is_shared || request.ret_is_repeat);
	assert_int_equal(request.ret_retry_after_ms, ADDRESS_WINDOW_MS - 500);
	request = request_of(SLICE("ada"), SLICE("192.0.2.2"));
	request.service = SLICE("shop");
	request = admit(admission, request);
	assert_true(request.ret_verdict == ADMISSION_GO && request.ret_user.remaining == 0 && request.ret_service.remaining == 0);
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
		scene.now_ms += i % 100 == 0;
		struct admission_request request = request_of((struct slice){.data = user, .length = (size_t)length}, SLICE("192.0.2.1"));
		request.idempotency = (struct idempotency){.is_present = true};
		memcpy(request.idempotency.key, &i, sizeof i);
		admission->operations->admit(admission, &request, 1);
		assert_int_equal(request.ret_verdict, ADMISSION_GO);
		admission->operations->finish(admission, &request, ADMISSION_DONE, scene.now_ms);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
	print_message("admit and finish: %.0f ns\n", ns / (double)ROUNDS);
	admission_free(admission);
}

static const struct CMUnitTest contract[] = {
	cmocka_unit_test(user_is_limited_and_told_when_to_come_again),
	cmocka_unit_test(request_counts_in_both_windows_or_in_none),
	cmocka_unit_test(without_limits_everything_goes_on),
	cmocka_unit_test(key_in_use_is_busy_until_it_is_finished),
	cmocka_unit_test(refused_key_may_be_used_again_with_another_body),
	cmocka_unit_test(every_request_counts_also_one_refused_for_its_key),
	cmocka_unit_test(limited_request_leaves_its_key_unused),
	cmocka_unit_test(request_refused_for_its_address_leaves_its_key_unused),
	cmocka_unit_test(a_service_is_limited_whoever_it_acts_for),
	cmocka_unit_test(batch_is_judged_in_order),
	cmocka_unit_test(threads_together_get_exactly_the_quota_and_each_key_once),
};

static const struct CMUnitTest beside_redis[] = {
	cmocka_unit_test(a_process_lets_no_more_than_the_limit_pass_when_redis_goes),
	cmocka_unit_test(a_request_counts_once_for_its_service_when_redis_goes),
	cmocka_unit_test(a_process_lets_no_more_than_the_limit_pass_when_redis_is_back),
};

static int run_over_redis(const char *variable, const char *suite)
{
	scene.redis = getenv(variable);
	scene.slack_ms = 400; /* the machine may be busy; a pause is never too short */
	if (scene.redis == NULL)
		return 0;
	return cmocka_run_group_tests_name(suite, contract, NULL, NULL) +
	       cmocka_run_group_tests_name("a process beside Redis", beside_redis, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest local[] = {
		cmocka_unit_test(key_whose_request_died_is_free_after_its_lease),
		cmocka_unit_test(every_window_or_none_counts_what_another_admission_let_pass),
		cmocka_unit_test(admission_costs_less_than_it_saves),
	};
	if (getenv("TRO_TEST_REDIS") != NULL)
		return run_over_redis("TRO_TEST_REDIS", "admission over Redis") +
		       run_over_redis("TRO_TEST_REDIS_CLUSTER", "admission over Redis Cluster");
	return cmocka_run_group_tests_name("admission in memory", contract, NULL, NULL) +
	       cmocka_run_group_tests_name("admission in memory, by its clock", local, NULL, NULL);
}
