/* supervisor.c: one datagram a word, as sd_notify(3) describes it, and sockets as sd_listen_fds(3) does. */
#include "runtime/supervisor.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_SOCKET 3 /* SD_LISTEN_FDS_START */

void supervisor_tell(const char *state)
{
	assert(state != NULL);
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path == NULL ? 0 : strlen(path);
	if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@') /* of the abstract namespace */
		address.sun_path[0] = '\0';
	int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (socket_fd < 0)
		return;
	(void)sendto(socket_fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
	             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	close(socket_fd);
}

uint64_t supervisor_watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10) * 1000 / 2;
}

uint32_t supervisor_sockets(int *ret_descriptors, uint32_t maximum)
{
	assert(ret_descriptors != NULL && maximum > 0);
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	if (count == NULL || pid == NULL || strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	unsigned long given = strtoul(count, NULL, 10);
	uint32_t taken = given < maximum ? (uint32_t)given : maximum;
	for (uint32_t i = 0; i < taken; i++)
		ret_descriptors[i] = FIRST_SOCKET + (int)i;
	return taken;
}
