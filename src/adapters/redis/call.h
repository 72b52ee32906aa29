/* call.h: one run of a script for one request, and a batch of them in one round trip. Private to the Redis adapter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/redis/connection.h"
#include "adapters/redis/names.h"
#include "adapters/redis/nodes.h"

#define CALL_KEYS_MAX 3
#define CALL_ARGUMENTS_MAX 7
#define CALL_ARGUMENT_MAX 64

/* What admit.lua answers. */
struct judgement {
	int64_t verdict; /* 0 go, 1 limited, 2 busy, 3 mismatch */
	int64_t is_repeat;
	int64_t user_remaining;
	int64_t user_reset_ms;
	int64_t address_remaining;
	int64_t address_reset_ms;
	int64_t wait_ms;
};

struct call {
	enum redis_script script;
	uint16_t slot;
	uint32_t key_count;
	struct redis_name keys[CALL_KEYS_MAX];
	uint32_t argument_count;
	struct {
		char text[CALL_ARGUMENT_MAX];
		uint32_t length;
	} arguments[CALL_ARGUMENTS_MAX];

	bool is_answered; /* the script ran; of admit.lua `judgement` is what it said */
	struct judgement judgement;

	/* For calls_run. */
	int target;        /* node, or REDIS_NODE_NONE */
	bool wants_asking; /* the slot is moving there: ASKING comes first */
	bool wants_text;   /* the server has lost the script */
	struct call *next; /* that the same node answers after it */
};

void call_add_argument(struct call *call, struct slice argument);
void call_add_number(struct call *call, uint64_t number);

/* Runs the calls in order on the nodes of their slots, redirections followed once, and returns when all are answered, or cannot be, or the deadline
 * has come. Those that have no answer may have run. A node that does not answer in time, or cannot judge, is given up on; *ret_failures counts
 * those. */
void calls_run(struct nodes *nodes, struct call *calls, uint32_t count, uint64_t deadline_ns, uint32_t *ret_failures);
