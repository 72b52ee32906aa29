/* runtime.h: a process of the service from its start to its end: roles, threads, signals. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "config/config.h"
#include "runtime/adapters.h"

struct runtime_options {
	const struct config *config; /* with its secrets */
	uint32_t roles;              /* enum role */
	/* Called first, while the embedded store is this process's alone. Any code but EXIT_DONE, which it has explained, ends the
	 * process. May be NULL. */
	int (*prepare)(void *context);
	/* Called when everything serves; port: the listening port. May be NULL. */
	void (*started)(void *context, uint16_t port);
	void *context;
};

/* Serves until SIGTERM or SIGINT, then stops gracefully; after nine seconds it ends the process. A second SIGINT ends it at once,
 * another SIGTERM changes nothing. Answers an exit code. */
int runtime_run(const struct runtime_options *options);

/* The main of a service of its own: reads the configuration, complains about what is missing, runs the roles. listen_addr: the default
 * of LISTEN_ADDR. */
int service_main(int argc, char **argv, char *const *environment, uint32_t roles, const char *listen_addr);
