/* confine.h: gives up privileges at the start of the process, so that neither a mistake in it nor another program of its user can use
 * them. */
#pragma once

#include <stdbool.h>

#include "config/config.h"

/* First of all, before a secret is read: no core dump, no debugger or /proc of the same user's other programs, and no program started
 * from here gains privileges. A restriction that the system refuses is skipped: serving needs none of them. */
void confine_secrets(void);

/* The confinement that the kernel has granted. */
struct confinement {
	bool has_files;        /* Landlock */
	bool has_system_calls; /* seccomp */
};

/* Before there is a second thread; they are all held to it, for good. No file but those below `writable` can be changed, and the system
 * calls of a server are left: another fails with EPERM, one that is newer than this program with ENOSYS. writable: a folder; one that is
 * not there, or NULL, leaves none. sockets: paths of unix sockets that will be listened on, ends with NULL; their folders stay open to
 * sockets. Does nothing in the sanitizers' builds, which need more. */
struct confinement confine_process(const char *writable, const char *const *sockets);
/* The same, as far as the configuration wants it: DATA_DIR can be written to, and the unix sockets of LISTEN_ADDR can be made. */
struct confinement confine_server(const struct config *config);
