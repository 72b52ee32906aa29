/* call.h: the call to Redis for a request or for its end, and batches of calls in one round trip. Private to the Redis adapter.
 *
 * A single server judges up to CALLS_AT_ONCE requests in one run of the script, because each run costs it as much as a request; in a
 * cluster all keys of a run have to be in one slot, so there is a run for each request. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/redis/connection.h"
#include "adapters/redis/finishes.h"
#include "adapters/redis/names.h"
#include "adapters/redis/nodes.h"

#define CALL_KEYS_MAX 3
#define CALLS_AT_ONCE 64 /* the server answers nobody else for about a millisecond */
#define CALL_NONCE_LENGTH FINISH_NONCE_LENGTH

enum call_kind {
	CALL_JUDGE,  /* keys by `parts`, nonce, mark */
	CALL_SET,    /* the key gets the mark for `remember_ms` */
	CALL_FORGET, /* the key goes if it has the mark */
	CALL_REMOVE, /* the window forgets the nonce */
};

/* Of admit.lua: which keys a request has. */
enum call_part {
	CALL_USER = 1,
	CALL_ADDRESS = 2,
	CALL_KEY = 4,
};

/* The answer of admit.lua. */
struct judgement {
	uint64_t verdict; /* 0 go, 1 limited, 2 busy, 3 mismatch */
	uint64_t is_repeat;
	uint64_t user_remaining;
	uint64_t user_reset_ms;
	uint64_t address_remaining;
	uint64_t address_reset_ms;
	uint64_t wait_ms;
};

/* Numbers as Redis reads them, written once. */
struct call_number {
	char digits[24];
	uint32_t length;
};

/* The settings shared by all calls of a process. */
struct call_settings {
	struct call_number user_quota;
	struct call_number user_window_ms;
	struct call_number address_quota;
	struct call_number address_window_ms;
	struct call_number lease_ms;
	struct call_number remember_ms;
};

struct call {
	enum call_kind kind;
	uint16_t slot;
	uint8_t parts; /* a sum of call_part */
	uint32_t key_count;
	struct redis_name keys[CALL_KEYS_MAX];
	char nonce[CALL_NONCE_LENGTH];
	struct mark mark;

	bool is_answered; /* done, or impossible; `judgement` is the script's answer to a CALL_JUDGE */
	struct judgement judgement;

	/* For calls_run. */
	int target;         /* node, or REDIS_NODE_NONE */
	bool wants_asking;  /* the slot is moving there: ASKING comes first */
	bool awaits_asking; /* the next reply is that of its ASKING */
	bool wants_text;    /* the server has lost the script */
	uint32_t joined;    /* the calls, this one and those after it in the array, that one reply answers */
	struct call *next;  /* that the same node answers after it */
};

struct call_number call_number_of(uint64_t number);

/* Runs the calls in order on the nodes of their slots, redirections followed once, and returns when all are answered, or cannot be, or the
 * deadline has come. Those that have no answer may have run. A node that does not answer in time, or cannot judge, is given up on;
 * *ret_failures counts those. */
void calls_run(struct nodes *nodes, const struct call_settings *settings, struct call *calls, uint32_t count, uint64_t deadline_ns,
               uint32_t *ret_failures);
