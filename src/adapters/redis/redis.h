/* redis.h: the admission port (ports/admission.h) on Redis, Redis Cluster or Valkey: limits and keys in use count for all processes
 * together.
 *
 * The store is the authority; Redis only makes admission common. So no request waits for it longer than REDIS_DEADLINE_MS, and a request
 * that Redis does not judge in time is judged by `local`, in this process. After one failure a node is left alone until a ping has found it
 * serving again. ping is the only call that connects: run it about once a second on a thread that may wait. */
#pragma once

#include <stdint.h>

#include "adapters/net/tls_client.h"
#include "base/attributes.h"
#include "base/error.h"
#include "ports/admission.h"
#include "ports/random.h"

#define REDIS_MESSAGE_MAX 512
#define REDIS_DEADLINE_MS 20     /* of one admit, however many requests it has, unless options say otherwise */
#define REDIS_FINISHES_MAX 65536 /* ends of keys that wait to be sent; beyond it a key stays in use for its lease */

struct redis_admission_options {
	const char *address; /* REDIS_ADDR: host:port, cluster nodes with commas between, or a redis:// URL; borrowed during the call */
	struct tls_client_files tls; /* of a rediss:// address; the paths are borrowed as long as the port lives */
	uint32_t user_quota;         /* requests of a user in a window; 0: not limited */
	uint32_t user_window_ms;
	uint32_t address_quota; /* requests of a client address in a window; 0: not limited */
	uint32_t address_window_ms;
	uint32_t deadline_ms;    /* of one admit; 0: REDIS_DEADLINE_MS */
	struct admission *local; /* judges what Redis does not; taken over on success */
	struct random *random;   /* borrowed during the call */
};

/* Connects to nothing. ERR_VALIDATION: a malformed address, or files for TLS with one that does not ask for it; message says so in one line
 * for people, without the password. ERR_NO_MEMORY. */
must_check enum error redis_admission_new(const struct redis_admission_options *options, struct admission **ret_admission,
                                          char message[static REDIS_MESSAGE_MAX]);
