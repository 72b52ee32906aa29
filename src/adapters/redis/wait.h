/* wait.h: waiting for a socket. Private to the Redis adapter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

/* Waits for events of poll. False: the deadline passed, or the descriptor cannot be waited for. */
must_check bool redis_wait_for(int descriptor, short events, uint64_t deadline_ns);
