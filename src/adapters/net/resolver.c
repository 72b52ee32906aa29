/* resolver.c: a look-up is shared by its caller and its thread; the last of the two to leave frees it. */
#include "adapters/net/resolver.h"

#include <assert.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct lookup {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t ended; /* waits by the monotonic clock */
	uint32_t users;       /* the caller and the thread, or one of them */
	bool is_over;
	int failure; /* of getaddrinfo, when it is over */
	struct resolver_addresses addresses;
	char host[]; /* read only once the thread runs */
};

struct resolver {
	struct lookup *running; /* left behind by an earlier call; NULL: none */
};

enum error resolver_new(struct resolver **ret_resolver)
{
	assert(ret_resolver != NULL);
	struct resolver *resolver = calloc(1, sizeof *resolver);
	if (resolver == NULL)
		return ERR_NO_MEMORY;
	*ret_resolver = resolver;
	return OK;
}

static void leave(struct lookup *lookup)
{
	assert(lookup != NULL);
	pthread_mutex_lock(&lookup->lock);
	assert(lookup->users > 0);
	bool is_last = --lookup->users == 0;
	pthread_mutex_unlock(&lookup->lock);
	if (!is_last)
		return;
	pthread_cond_destroy(&lookup->ended);
	pthread_mutex_destroy(&lookup->lock);
	free(lookup);
}

void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	if (resolver->running != NULL)
		leave(resolver->running);
	free(resolver);
}

/* Answers what getaddrinfo does. */
static int ask_system(const char *host, int flags, struct resolver_addresses *ret_addresses)
{
	assert(host != NULL && ret_addresses != NULL);
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *found = NULL;
	int failure = getaddrinfo(host, NULL, &hints, &found);
	if (failure != 0)
		return failure;
	uint32_t count = 0;
	for (const struct addrinfo *each = found; each != NULL && count < RESOLVER_ADDRESSES_MAX; each = each->ai_next)
		if (getnameinfo(each->ai_addr, each->ai_addrlen, ret_addresses->texts[count], RESOLVER_ADDRESS_SIZE, NULL, 0,
		                NI_NUMERICHOST) == 0)
			count++;
	freeaddrinfo(found);
	ret_addresses->count = count;
	return count > 0 ? 0 : EAI_NONAME;
}

static void *run(void *context)
{
	assert(context != NULL);
	struct lookup *lookup = context;
	struct resolver_addresses addresses = {.count = 0};
	int failure = ask_system(lookup->host, AI_ADDRCONFIG, &addresses);
	pthread_mutex_lock(&lookup->lock);
	lookup->is_over = true;
	lookup->failure = failure;
	lookup->addresses = addresses;
	pthread_cond_signal(&lookup->ended);
	pthread_mutex_unlock(&lookup->lock);
	leave(lookup);
	return NULL;
}

/* Signals are the main thread's. */
static bool start_thread(struct lookup *lookup)
{
	assert(lookup->users == 2);
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	bool is_started = pthread_create(&thread, &attributes, run, lookup) == 0;
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return is_started;
}

/* NULL: there is no memory or no thread. */
static struct lookup *begin(const char *host)
{
	assert(host != NULL);
	size_t length = strlen(host);
	struct lookup *lookup = calloc(1, sizeof *lookup + length + 1);
	if (lookup == NULL)
		return NULL;
	pthread_condattr_t attributes;
	pthread_mutex_init(&lookup->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&lookup->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	memcpy(lookup->host, host, length);
	lookup->users = 2;
	if (start_thread(lookup))
		return lookup;
	lookup->users = 1;
	leave(lookup);
	return NULL;
}

/* False: the time is over. */
static bool wait_for(struct lookup *lookup, uint64_t deadline_ns)
{
	assert(lookup != NULL);
	const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000), .tv_nsec = (long)(deadline_ns % 1000000000)};
	pthread_mutex_lock(&lookup->lock);
	int code = 0;
	while (!lookup->is_over && code == 0)
		code = pthread_cond_timedwait(&lookup->ended, &lookup->lock, &deadline);
	bool is_over = lookup->is_over;
	pthread_mutex_unlock(&lookup->lock);
	return is_over;
}

static enum error fail(char problem[static RESOLVER_PROBLEM_MAX], const char *host, const char *why)
{
	assert(host != NULL && why != NULL);
	(void)snprintf(problem, RESOLVER_PROBLEM_MAX, "the host name \"%.100s\" has no address: %s", host, why);
	return ERR_SYSTEM;
}

enum error resolver_find(struct resolver *resolver, const char *host, uint64_t deadline_ns, struct resolver_addresses *ret_addresses,
                         char problem[static RESOLVER_PROBLEM_MAX])
{
	assert(resolver != NULL && host != NULL && ret_addresses != NULL);
	if (ask_system(host, AI_NUMERICHOST, ret_addresses) == 0)
		return OK;
	bool is_other = resolver->running != NULL && strcmp(resolver->running->host, host) != 0;
	if (is_other && !wait_for(resolver->running, deadline_ns))
		return fail(problem, host, "the time for looking it up is over");
	if (is_other) {
		leave(resolver->running);
		resolver->running = NULL;
	}
	if (resolver->running == NULL)
		resolver->running = begin(host);
	if (resolver->running == NULL)
		return fail(problem, host, "there is no memory");
	if (!wait_for(resolver->running, deadline_ns))
		return fail(problem, host, "the time for looking it up is over");
	struct lookup *lookup = resolver->running;
	resolver->running = NULL;
	int failure = lookup->failure;
	struct resolver_addresses addresses = lookup->addresses;
	leave(lookup);
	if (failure != 0)
		return fail(problem, host, gai_strerror(failure));
	*ret_addresses = addresses;
	return OK;
}
