/* dependencies.h: the outside systems that a process may depend on: the one table of their deadlines, breakers and bulkheads. */
#pragma once

#include <stdint.h>

#include "pipeline/dependency.h"

enum dependency_id {
	DEPENDENCY_STORE,      /* commands: a call is a batch, from its load to its commit */
	DEPENDENCY_READS,      /* queries of the store: a call is a batch of them */
	DEPENDENCY_OUTBOX,     /* the publisher's calls of the store */
	DEPENDENCY_CATALOG,    /* a query of it, or bringing an event there */
	DEPENDENCY_ADMISSION,  /* an admission outside this process: a call is a round trip with a batch of requests */
	DEPENDENCY_BUS,        /* a batch of events until it is confirmed, or a ping */
	DEPENDENCY_TOKEN_KEYS, /* a fetch of the issuer's keys */
	DEPENDENCY_COUNT,
};

extern const char *const dependency_names[DEPENDENCY_COUNT];

struct dependencies {
	struct dependency of[DEPENDENCY_COUNT];
};

/* random: any 64 bits, others in each process. */
void dependencies_init(struct dependencies *dependencies, uint64_t random);
void dependencies_release(struct dependencies *dependencies);
