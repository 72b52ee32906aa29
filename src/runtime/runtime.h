/* runtime.h: a process of the service from its start to its end: roles, threads, signals. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "config/config.h"
#include "runtime/adapters.h"

struct runtime_options {
	const struct config *config; /* with its secrets */
	uint32_t roles;              /* enum role */
	/* Called first, when an embedded store is this process's alone. Other than EXIT_DONE, which it has explained, is how the process ends. May
	 * be NULL. */
	int (*prepare)(void *context);
	/* Called when everything serves; port is the one that is listened on. May be NULL. */
	void (*started)(void *context, uint16_t port);
	void *context;
};

/* Serves until SIGTERM or SIGINT, then stops gracefully; what still runs after nine seconds is ended. A second SIGINT ends it at once, a
 * SIGTERM more changes nothing. Answers an exit code. */
int runtime_run(const struct runtime_options *options);

/* The main of a service of its own: reads the configuration, complains about what is missing, runs the roles. listen_addr: where it serves
 * unless LISTEN_ADDR says otherwise. */
int service_main(int argc, char **argv, char *const *environment, uint32_t roles, const char *listen_addr);
