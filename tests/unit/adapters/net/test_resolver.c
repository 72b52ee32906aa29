/* test_resolver.c: names that are found, unknown, or looked up for ever by a system whose getaddrinfo is the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/net/resolver.h"

#define SHORT_NS UINT64_C(50000000)
#define LONG_NS UINT64_C(10000000000)

static _Atomic int lookups; /* that asked somebody */
static sem_t let_go;        /* once for each that hangs */

/* As the system does: a block for each address, that freeaddrinfo frees. */
static struct addrinfo *address_of(const char *numbers, struct addrinfo *next)
{
	struct addrinfo *found = calloc(1, sizeof *found + sizeof(struct sockaddr_in6));
	assert_non_null(found);
	struct sockaddr_in *address = (void *)(found + 1);
	struct sockaddr_in6 *address6 = (void *)(found + 1);
	bool is_old = inet_pton(AF_INET, numbers, &address->sin_addr) == 1;
	if (is_old)
		address->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, numbers, &address6->sin6_addr) == 1)
		address6->sin6_family = AF_INET6;
	found->ai_family = is_old ? AF_INET : AF_INET6;
	found->ai_addr = (void *)(found + 1);
	found->ai_addrlen = is_old ? sizeof *address : sizeof *address6;
	found->ai_next = next;
	return found;
}

int getaddrinfo(const char *restrict host, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict ret_found)
{
	struct in6_addr ignored;
	(void)service;
	if ((hints->ai_flags & AI_NUMERICHOST) != 0) {
		if (inet_pton(AF_INET, host, &ignored) != 1 && inet_pton(AF_INET6, host, &ignored) != 1)
			return EAI_NONAME;
		*ret_found = address_of(host, NULL);
		return 0;
	}
	lookups++;
	if (strcmp(host, "unknown") == 0)
		return EAI_NONAME;
	if (strcmp(host, "hangs") == 0)
		sem_wait(&let_go);
	*ret_found = address_of("::1", address_of("127.0.0.2", NULL));
	return 0;
}

static uint64_t in(uint64_t ns)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + ns;
}

static int set_up(void **state)
{
	struct resolver *resolver;
	lookups = 0;
	assert_int_equal(sem_init(&let_go, 0, 0), 0);
	assert_int_equal(resolver_new(&resolver), OK);
	*state = resolver;
	return 0;
}

static int tear_down(void **state)
{
	resolver_free(*state);
	return 0;
}

static void names_become_addresses_in_their_order(void **state)
{
	struct resolver_addresses addresses;
	char problem[RESOLVER_PROBLEM_MAX];
	assert_int_equal(resolver_find(*state, "twins", in(LONG_NS), &addresses, problem), OK);
	assert_int_equal(addresses.count, 2);
	assert_string_equal(addresses.texts[0], "::1");
	assert_string_equal(addresses.texts[1], "127.0.0.2");
}

static void numbers_are_not_looked_up(void **state)
{
	struct resolver_addresses addresses;
	char problem[RESOLVER_PROBLEM_MAX];
	assert_int_equal(resolver_find(*state, "127.0.0.1", 0, &addresses, problem), OK);
	assert_int_equal(addresses.count, 1);
	assert_string_equal(addresses.texts[0], "127.0.0.1");
	assert_int_equal(resolver_find(*state, "fe80::1", 0, &addresses, problem), OK);
	assert_int_equal(lookups, 0);
}

static void an_unknown_name_is_named(void **state)
{
	struct resolver_addresses addresses;
	char problem[RESOLVER_PROBLEM_MAX];
	assert_int_equal(resolver_find(*state, "unknown", in(LONG_NS), &addresses, problem), ERR_SYSTEM);
	assert_non_null(strstr(problem, "\"unknown\""));
	assert_int_equal(resolver_find(*state, "twins", in(LONG_NS), &addresses, problem), OK);
}

static void a_look_up_that_hangs_is_left_and_waited_for_by_the_next(void **state)
{
	struct resolver_addresses addresses;
	char problem[RESOLVER_PROBLEM_MAX];
	for (int i = 0; i < 5; i++) {
		uint64_t deadline_ns = in(SHORT_NS);
		assert_int_equal(resolver_find(*state, "hangs", deadline_ns, &addresses, problem), ERR_SYSTEM);
		assert_non_null(strstr(problem, "time"));
		assert_in_range(in(0), deadline_ns, deadline_ns + LONG_NS / 5);
	}
	assert_int_equal(resolver_find(*state, "twins", in(SHORT_NS), &addresses, problem), ERR_SYSTEM);
	assert_int_equal(lookups, 1);
	sem_post(&let_go);
	assert_int_equal(resolver_find(*state, "hangs", in(LONG_NS), &addresses, problem), OK);
	assert_int_equal(lookups, 1);
	assert_int_equal(resolver_find(*state, "twins", in(LONG_NS), &addresses, problem), OK);
}

static void a_resolver_may_go_before_its_look_up_ends(void **state)
{
	struct resolver *resolver;
	struct resolver_addresses addresses;
	char problem[RESOLVER_PROBLEM_MAX];
	(void)state;
	assert_int_equal(resolver_new(&resolver), OK);
	assert_int_equal(resolver_find(resolver, "hangs", in(SHORT_NS), &addresses, problem), ERR_SYSTEM);
	resolver_free(resolver);
	sem_post(&let_go);
	const struct timespec moment = {.tv_nsec = 50000000};
	(void)nanosleep(&moment, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(names_become_addresses_in_their_order),
		TEST(numbers_are_not_looked_up),
		TEST(an_unknown_name_is_named),
		TEST(a_look_up_that_hangs_is_left_and_waited_for_by_the_next),
		TEST(a_resolver_may_go_before_its_look_up_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
