/* greeting.c: see greeting.h. */
#include "http/greeting.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "http/proxy_header.h"

/* From now on the socket counts as readable when it has so many bytes, or has been closed. */
static bool wait_for(struct greeting *greeting, int descriptor, int bytes)
{
	greeting->wanted = bytes;
	return setsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes) == 0;
}

enum greeting_result greeting_take(struct greeting *greeting, int descriptor, struct ip_address *peer)
{
	assert(greeting != NULL && descriptor >= 0 && peer != NULL);

	char bytes[PROXY_HEADER_MAX];
	ssize_t length = recv(descriptor, bytes, sizeof bytes, MSG_PEEK);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return GREETING_WAITING;
	if (length <= 0)
		return greeting->wanted == 0 ? GREETING_NONE : GREETING_BAD;
	size_t needed = 0;
	enum proxy_header_result result = proxy_header_read((struct slice){.data = bytes, .length = (size_t)length}, &needed, peer);
	bool was_waiting = greeting->wanted > 0;
	if (result == PROXY_HEADER_PARTIAL) {
		bool is_over = length < greeting->wanted; /* woken without what was waited for */
		return is_over || !wait_for(greeting, descriptor, (int)needed) ? GREETING_BAD : GREETING_WAITING;
	}
	if (result == PROXY_HEADER_BAD || (was_waiting && !wait_for(greeting, descriptor, 1)))
		return GREETING_BAD;
	if (result == PROXY_HEADER_NONE)
		return GREETING_NONE;
	return recv(descriptor, bytes, needed, 0) == (ssize_t)needed ? GREETING_TAKEN : GREETING_BAD;
}
