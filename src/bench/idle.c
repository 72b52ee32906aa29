/* idle.c: opened one after the other with blocking calls. */
#include "bench/idle.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench/response.h"

#define ANSWER_MAX 4096
#define WAIT_S 5

/* One GET and its whole answer. */
static bool use_once(int descriptor, const struct endpoint *endpoint)
{
	char text[ANSWER_MAX];
	int length = snprintf(text, sizeof text, "GET /v1/healthz HTTP/1.1\r\nHost: %s\r\n\r\n", endpoint->host);
	if (send(descriptor, text, (size_t)length, MSG_NOSIGNAL) != length)
		return false;
	struct response_parser parser = {0};
	struct response response;
	enum response_state state = RESPONSE_INCOMPLETE;
	for (size_t filled = 0; state == RESPONSE_INCOMPLETE && filled < sizeof text;) {
		ssize_t count = recv(descriptor, text + filled, sizeof text - filled, 0);
		if (count <= 0)
			return false;
		filled += (size_t)count;
		state = response_parse(&parser, text, filled, &response);
	}
	return state == RESPONSE_COMPLETE && !response.closes;
}

static int open_one(const struct endpoint *endpoint)
{
	int descriptor = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -1;
	const struct timeval wait = {.tv_sec = WAIT_S};
	bool is_used = setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
	               setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0 &&
	               connect(descriptor, (const struct sockaddr *)&endpoint->address, endpoint->length) == 0 &&
	               use_once(descriptor, endpoint);
	if (is_used)
		return descriptor;
	close(descriptor);
	return -1;
}

void idle_open(struct idle *idle, const struct endpoint_list *endpoints, uint32_t count)
{
	assert(idle != NULL && endpoints != NULL);

	*idle = (struct idle){.descriptors = calloc(count + 1, sizeof *idle->descriptors)};
	if (idle->descriptors == NULL)
		return;
	while (idle->opened < count) {
		int descriptor = open_one(&endpoints->items[idle->opened % endpoints->count]);
		if (descriptor < 0)
			return;
		idle->descriptors[idle->opened++] = descriptor;
	}
}

uint32_t idle_count_open(const struct idle *idle)
{
	assert(idle != NULL);

	uint32_t open = 0;
	for (uint32_t i = 0; i < idle->opened; i++) {
		char byte;
		ssize_t count = recv(idle->descriptors[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		open += count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
	}
	return open;
}

void idle_release(struct idle *idle)
{
	if (idle == NULL)
		return;
	for (uint32_t i = 0; i < idle->opened; i++)
		close(idle->descriptors[i]);
	free(idle->descriptors);
	*idle = (struct idle){0};
}
