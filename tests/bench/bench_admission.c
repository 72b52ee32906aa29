/* bench_admission.c: how many requests one process lets Redis judge in a second, in round trips as the admission lane makes them.
 *
 *	bench_admission REDIS_ADDR SECONDS user|both
 *
 * Each request has a user's limit, or that and an address's, and an idempotency key, which is ended in the next round trip. Prints admissions a
 * second of this process, and the share that Redis judged in time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/local/admission.h"
#include "adapters/redis/redis.h"
#include "adapters/system/system.h"
#include "base/now.h"
#include "tests/support/measure.h"

#define BATCH 256 /* of one round trip; the lane takes up to 512 */
#define USERS 5000
#define QUOTA 1000000

static struct admission *open_admission(const char *address, bool has_addresses)
{
	const struct local_admission_options local = {.user_quota = QUOTA,
	                                              .user_window_ms = 60000,
	                                              .address_quota = QUOTA,
	                                              .address_window_ms = 60000,
	                                              .callers_max = 65536,
	                                              .keys_max = 65536};
	char message[REDIS_MESSAGE_MAX] = "out of memory";
	struct redis_admission_options redis = {
		.address = address,
		.user_quota = QUOTA,
		.user_window_ms = 60000,
		.address_quota = has_addresses ? QUOTA : 0,
		.address_window_ms = 60000,
		.random = system_random(),
	};
	struct admission *admission = NULL;
	must(local_admission_new(&local, &redis.local) == OK && redis_admission_new(&redis, &admission, message) == OK, message);
	struct admission_ping ping;
	admission->operations->ping(admission, &ping);
	must(ping.is_serving, ping.problem);
	return admission;
}

static void fill(struct admission_request *requests, char users[BATCH][16], uint64_t first)
{
	for (uint64_t i = 0; i < BATCH; i++) {
		uint64_t number = first + i;
		(void)snprintf(users[i], sizeof users[i], "user-%05u", (unsigned)(number % USERS));
		requests[i] = (struct admission_request){.user = slice_of(users[i]),
		                                         .address = SLICE("192.0.2.7"),
		                                         .idempotency.is_present = true,
		                                         .now_ms = monotonic_now_ms()};
		memcpy(requests[i].idempotency.key, &number, sizeof number);
	}
}

int main(int count, char **words)
{
	must(count == 4, "usage: bench_admission REDIS_ADDR SECONDS user|both");
	struct admission *admission = open_admission(words[1], strcmp(words[3], "both") == 0);
	uint64_t until_ns = monotonic_now_ns() + strtoul(words[2], NULL, 10) * UINT64_C(1000000000), began_ns = monotonic_now_ns();
	static struct admission_request requests[BATCH];
	static char users[BATCH][16];
	uint64_t judged = 0, shared = 0;
	while (monotonic_now_ns() < until_ns) {
		fill(requests, users, judged);
		admission->operations->admit(admission, requests, BATCH);
		for (uint32_t i = 0; i < BATCH; i++) {
			shared += requests[i].ret_is_shared;
			if (requests[i].ret_verdict == ADMISSION_GO)
				admission->operations->finish(admission, &requests[i], ADMISSION_FORGET, monotonic_now_ms());
		}
		judged += BATCH;
		struct admission_ping ping;
		if (!admission->is_serving)
			admission->operations->ping(admission, &ping);
	}
	double took_s = (double)(monotonic_now_ns() - began_ns) / 1e9;
	(void)printf("%.0f admissions/s, %.4f of them judged by Redis\n", (double)judged / took_s, (double)shared / (double)judged);
	admission_free(admission);
	return 0;
}
