/* wait.c: poll until the deadline. */
#include "adapters/redis/wait.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>

#include "base/now.h"

/* Milliseconds are rounded up, so that it does not spin at the end. */
bool redis_wait_for(int descriptor, short events, uint64_t deadline_ns)
{
	assert(descriptor >= 0 && events != 0);
	struct pollfd poller = {.fd = descriptor, .events = events};
	for (;;) {
		uint64_t now_ns = monotonic_now_ns();
		if (now_ns >= deadline_ns)
			return false;
		int ready = poll(&poller, 1, (int)((deadline_ns - now_ns + 999999) / 1000000));
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return false;
	}
}
