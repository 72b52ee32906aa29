/* tls.h: TLS 1.2 and 1.3 for the connections of a server; tls.c alone includes OpenSSL.
 *
 * A server has a certificate, which may be replaced while it runs: connections keep what they began with. A session is one connection, on
 * one thread; its socket stays its owner's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

#define TLS_MESSAGE_MAX 512
#define TLS_WRITE_MAX 16384 /* bytes that are encrypted and sent in one piece */

struct tls_server;
struct tls_session;

/* Both are paths of PEM files, borrowed: the certificate with those that lead to its root, and its key. ERR_SYSTEM: message is one line
 * that says what is wrong with which file; ERR_NO_MEMORY. */
must_check enum error tls_server_new(const char *certificate, const char *key, char message[static TLS_MESSAGE_MAX],
                                     struct tls_server **ret_server);
/* Reads both again, for new connections. From any thread. On failure, as above, the old ones stay. */
must_check enum error tls_server_reload(struct tls_server *server, char message[static TLS_MESSAGE_MAX]);
/* Takes NULL. Sessions may outlive it. */
void tls_server_free(struct tls_server *server);

enum tls_result {
	TLS_DONE,
	TLS_WANTS_READ,  /* again when the socket can be read */
	TLS_WANTS_WRITE, /* again when it can be written to */
	TLS_CLOSED,      /* the client has said that nothing more comes */
	TLS_FAILED,      /* the connection is of no use any more */
};

/* For an accepted socket that does not block. From any thread. NULL: out of memory. */
struct tls_session *tls_session_new(struct tls_server *server, int descriptor);
/* Takes NULL. */
void tls_session_free(struct tls_session *session);
enum tls_result tls_session_handshake(struct tls_session *session);
/* At least one byte on TLS_DONE. */
enum tls_result tls_session_read(struct tls_session *session, void *data, size_t size, size_t *ret_length);
/* Bytes that have arrived in the session and are not read, of which the socket shows nothing. */
bool tls_session_has_input(const struct tls_session *session);
/* As much of the piece as goes now: at least one byte on TLS_DONE. When it wants to be asked again, the piece must begin with the same
 * bytes. */
enum tls_result tls_session_write(struct tls_session *session, struct slice piece, size_t *ret_length);
/* Says that nothing more comes. */
void tls_session_end(struct tls_session *session);
