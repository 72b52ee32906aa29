/* supervisor.h: messages to the systemd that started the service (sd_notify(3), sd_watchdog_enabled(3)), and sockets from it
 * (sd_listen_fds(3)); does nothing without one. */
#pragma once

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1". Never blocks, and never fails: nobody may be listening. */
void supervisor_tell(const char *state);
/* The interval of "WATCHDOG=1", in nanoseconds: half of the supervisor's limit. 0: it does not watch. */
uint64_t supervisor_watchdog_ns(void);
/* The sockets that the supervisor listens on for this process, at most `maximum`; answers how many. It goes on listening while the process
 * is started anew, so that nobody is refused meanwhile. */
uint32_t supervisor_sockets(int *ret_descriptors, uint32_t maximum);
