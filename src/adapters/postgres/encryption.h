/* encryption.h: the defaults of TLS for a DSN that does not name them. Private to the PostgreSQL adapter.
 *
 * libpq by default prefers TLS and does not verify the server. Here a DSN without sslmode (and without PGSSLMODE) means verify-full,
 * unless the server is on this machine: at a loopback address or a unix socket. */
#pragma once

#include "adapters/postgres/link.h"
#include "base/attributes.h"

/* The sslmode for a server at this address (empty: a unix socket, where libpq does not look at it); NULL: as libpq has it. */
const char *encryption_mode(const struct connection *connection, const char *address);
/* The file of authorities for that mode: the system's, or SSL_CERT_FILE; NULL: nobody is verified, or libpq knows of a file by itself.
 * Lives as long as the environment. */
const char *encryption_authorities(const struct connection *connection, const char *mode);

struct ssl_st;
/* A reference to the TLS of a connection that is being made, for encryption_complain and SSL_free; NULL: there is none yet. */
struct ssl_st *encryption_watch(PGconn *handle);
/* Keeps the problem that a connection could not be made; ssl, which may be NULL, knows more of a certificate than libpq says. */
void encryption_complain(struct connection *connection, const struct ssl_st *ssl);
