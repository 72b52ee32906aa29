/* tls.h: TLS of one connection, where the client library has it. Private to the Redis adapter. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/redis/address.h"
#include "base/attributes.h"

/* Whether rediss:// works. hiredis has TLS from 1.0 on; the build finds out (TRO_HAS_REDIS_TLS). */
extern const bool redis_has_tls;

/* Shakes hands on a connected handle that does not block, until the deadline. The server's certificate is to be of this host, by the system's trusted
 * ones or those of SSL_CERT_FILE. False: *ret_problem is why, static or as OpenSSL keeps it. Not called without redis_has_tls. */
must_check bool redis_tls_begin(redisContext *handle, const struct redis_endpoint *endpoint, uint64_t deadline_ns,
                                const char **ret_problem);
