/* demo.h: a demonstration for new users: an event on sale, a token, and the calls of a whole purchase. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "config/config.h"

struct demo {
	const struct config *config;
	struct arena *arena;
	struct uuid event_id; /* set by demo_prepare */
};

/* runtime_options.prepare: `context` is the struct demo. Puts the demo event on sale unless there is an event. Answers an exit code, with
 * the complaint made. */
int demo_prepare(void *context);
/* The text of the body that `tro event create --demo` sends. */
struct slice demo_event_body(void);

/* runtime_options.started: `context` is the struct demo. The first prints the address alone, the second everything. */
void serving_print(void *context, uint16_t port);
void demo_print(void *context, uint16_t port);
