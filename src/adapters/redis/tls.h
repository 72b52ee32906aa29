/* tls.h: TLS under one connection. Private to the Redis adapter.
 *
 * hiredis encodes commands and decodes replies; this module passes the bytes between them and the socket through OpenSSL, since hiredis
 * has no TLS before version 1.0. Only the handshake waits. Any failure leaves the connection unusable. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/net/tls_client.h"
#include "base/attributes.h"

struct redis_tls;

/* Shakes hands on a connected socket that does not block, until the deadline; the socket stays the caller's. The server's certificate has
 * to be of this host. False: problem says why. */
must_check bool redis_tls_begin(int descriptor, const struct tls_client_files *files, const char *host, uint64_t deadline_ns,
                                struct redis_tls **ret_tls, char problem[static TLS_CLIENT_PROBLEM_MAX]);
/* Takes NULL. */
void redis_tls_free(struct redis_tls *tls);

/* False: out of memory. */
must_check bool redis_tls_queue(struct redis_tls *tls, int count, const char **words, const size_t *lengths);
/* Sends what is queued as far as the kernel takes it now, and gives the reader what has come. *ret_is_written: all is sent. False: lost. */
must_check bool redis_tls_exchange(struct redis_tls *tls, redisReader *reader, bool *ret_is_written);
/* Why the connection was lost, static; NULL: it was not, or nothing is known. */
const char *redis_tls_problem(const struct redis_tls *tls);
