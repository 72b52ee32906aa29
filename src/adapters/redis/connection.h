/* connection.h: one connection to a Redis server that is ready to judge: authenticated, with both scripts loaded. Private to the Redis
 * adapter.
 *
 * hiredis encodes and decodes; this file does the waiting, so that everything ends at a deadline. Commands are queued, then exchanged in
 * one round trip. Any failure leaves the connection unusable. Used by one thread at a time. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/redis/address.h"
#include "base/attributes.h"
#include "base/slice.h"

enum redis_script {
	REDIS_SCRIPT_ADMIT,
	REDIS_SCRIPT_FORGET,
	REDIS_SCRIPT_COUNT,
};

#define REDIS_SHA_LENGTH 40

struct redis_connection {
	redisContext *handle;
	struct redis_tls *tls; /* NULL: not encrypted */
	bool is_written;       /* everything queued has been handed to the kernel */
	char shas[REDIS_SCRIPT_COUNT][REDIS_SHA_LENGTH + 1];
};

/* Connects, authenticates, selects the database and loads the scripts, all before the deadline (resolving a name may take longer). NULL:
 * problem (REDIS_MESSAGE_MAX bytes) says why, without the password. */
must_check struct redis_connection *redis_connection_open(const struct redis_address *address, const struct redis_endpoint *endpoint,
                                                          uint64_t deadline_ns, char problem[static REDIS_MESSAGE_MAX]);
/* Takes NULL. */
void redis_connection_close(struct redis_connection *connection);

/* Queues a command of at most REDIS_WORDS_MAX words. False: out of memory. */
#define REDIS_WORDS_MAX 512
must_check bool redis_connection_queue(struct redis_connection *connection, uint32_t count, const struct slice *words);
/* Queues the run of a script by its digest, or with its whole text where the server has lost it: three words more. */
must_check bool redis_connection_queue_script(struct redis_connection *connection, enum redis_script script, bool with_text,
                                              uint32_t key_count, uint32_t word_count, const struct slice *words);
/* Hands the queued bytes to the kernel as far as it takes them now, and reads those that have come. Never waits. False: the connection is
 * lost. */
must_check bool redis_connection_exchange(struct redis_connection *connection);
/* The next reply that has come, for freeReplyObject; NULL: not yet. False: the connection is lost. */
must_check bool redis_connection_reply(struct redis_connection *connection, redisReply **ret_reply);
/* Sends the queued commands and waits for one reply, for freeReplyObject. NULL: lost, or the deadline passed. */
must_check redisReply *redis_connection_ask(struct redis_connection *connection, uint64_t deadline_ns);

/* Whether an error reply begins with this word: "MOVED", "NOSCRIPT". */
bool redis_reply_is_error(const redisReply *reply, const char *word);
void redis_reply_clear(redisReply **reply);
