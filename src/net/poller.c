/* poller.c: see poller.h. A thin layer on epoll, level-triggered. */
#include "net/poller.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/list.h"
#include "base/now.h"

#define EVENTS_MAX 256

struct poller {
	int epoll;
	struct poll_handle waker; /* an eventfd */
	void (*woken)(void *context);
	void *context;
	uint64_t now_ms;
	struct epoll_event events[EVENTS_MAX]; /* of the last wait; those from `next` on have not been told yet */
	int next, count;
};

static void on_waker_ready(struct poll_handle *waker, uint32_t events)
{
	struct poller *poller = container_of(waker, struct poller, waker);
	assert(events == POLL_READABLE);
	uint64_t count;
	if (read(waker->descriptor, &count, sizeof count) == sizeof count)
		poller->woken(poller->context);
}

static enum error open_descriptors(struct poller *poller)
{
	poller->epoll = epoll_create1(EPOLL_CLOEXEC);
	poller->waker.descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (poller->epoll < 0 || poller->waker.descriptor < 0)
		return ERR_SYSTEM;
	return poller_add(poller, &poller->waker, POLL_READABLE);
}

static void release(struct poller *poller)
{
	int cause = errno;
	if (poller->waker.descriptor >= 0)
		close(poller->waker.descriptor);
	if (poller->epoll >= 0)
		close(poller->epoll);
	free(poller);
	errno = cause;
}

enum error poller_new(void (*woken)(void *context), void *context, struct poller **ret_poller)
{
	assert(woken != NULL);

	struct poller *poller = calloc(1, sizeof *poller);
	if (poller == NULL)
		return ERR_NO_MEMORY;
	poller->woken = woken;
	poller->context = context;
	poller->now_ms = monotonic_now_ms();
	poller->waker.ready = on_waker_ready;
	enum error error = open_descriptors(poller);
	if (error != OK) {
		release(poller);
		return error;
	}
	*ret_poller = poller;
	return OK;
}

void poller_free(struct poller *poller)
{
	assert(poller != NULL);
	release(poller);
}

void poller_wake(struct poller *poller)
{
	ssize_t length = write(poller->waker.descriptor, &(uint64_t){1}, sizeof(uint64_t));
	assert(length == sizeof(uint64_t)); /* it blocks only at 2^64 - 1 */
}

static uint32_t events_of(uint32_t happened, uint32_t watched)
{
	if (happened & (EPOLLERR | EPOLLHUP))
		return watched;
	return (happened & EPOLLIN ? POLL_READABLE : 0U) | (happened & EPOLLOUT ? POLL_WRITABLE : 0U);
}

void poller_wait(struct poller *poller, uint32_t timeout_ms)
{
	assert(poller->next == poller->count);

	int timeout = timeout_ms > INT32_MAX ? -1 : (int)timeout_ms;
	poller->count = epoll_wait(poller->epoll, poller->events, EVENTS_MAX, timeout); /* -1: interrupted; for others there is no remedy */
	poller->now_ms = monotonic_now_ms();
	for (poller->next = 0; poller->next < poller->count;) {
		const struct epoll_event *event = &poller->events[poller->next++];
		struct poll_handle *handle = event->data.ptr;
		uint32_t events = handle == NULL ? 0 : events_of(event->events, handle->watched) & handle->watched;
		if (events != 0)
			handle->ready(handle, events);
	}
	poller->next = poller->count;
}

uint64_t poller_now_ms(const struct poller *poller)
{
	return poller->now_ms;
}

/* A handle that waits for nothing would still report a hang-up, again and again; edge-triggered it reports it once, which is ignored. */
static int control(struct poller *poller, int operation, struct poll_handle *handle, uint32_t events)
{
	assert((events & ~(uint32_t)(POLL_READABLE | POLL_WRITABLE)) == 0);

	uint32_t wanted = (events & POLL_READABLE ? EPOLLIN : 0U) | (events & POLL_WRITABLE ? EPOLLOUT : 0U);
	struct epoll_event event = {.events = events == 0 ? EPOLLET : wanted, .data.ptr = handle};
	handle->watched = events;
	return epoll_ctl(poller->epoll, operation, handle->descriptor, &event);
}

enum error poller_add(struct poller *poller, struct poll_handle *handle, uint32_t events)
{
	assert(handle->descriptor >= 0 && handle->ready != NULL);
	return control(poller, EPOLL_CTL_ADD, handle, events) == 0 ? OK : ERR_SYSTEM;
}

void poller_watch(struct poller *poller, struct poll_handle *handle, uint32_t events)
{
	if (handle->watched == events)
		return;
	int result = control(poller, EPOLL_CTL_MOD, handle, events);
	assert(result == 0); /* it needs no memory */
}

void poller_remove(struct poller *poller, struct poll_handle *handle)
{
	int result = control(poller, EPOLL_CTL_DEL, handle, 0);
	assert(result == 0);
	for (int i = poller->next; i < poller->count; i++) /* its events of the last wait */
		if (poller->events[i].data.ptr == handle)
			poller->events[i].data.ptr = NULL;
}
