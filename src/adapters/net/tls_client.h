/* tls_client.h: TLS of connections to other systems: the trusted authorities, the client's certificate, and the server's name.
 *
 * The adapters whose client library leaves this to OpenSSL share it. The files are read for each connection, so that certificates may be
 * replaced while a process runs. */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>

#include "base/attributes.h"

#define TLS_CLIENT_PROBLEM_MAX 384

/* Paths of files in PEM; borrowed. */
struct tls_client_files {
	const char *authorities; /* NULL: the system's, or those of SSL_CERT_FILE */
	const char *certificate; /* with those that lead to its root; NULL: none is shown */
	const char *key;         /* NULL, with a certificate: in the file of the certificate */
};

/* TLS 1.2 or later, with a peer that is verified. False: problem says which file cannot be used, and why. */
must_check bool tls_client_prepare(SSL_CTX *context, const struct tls_client_files *files, char problem[static TLS_CLIENT_PROBLEM_MAX]);
/* The certificate has to be of this host: a name, which the server is told, or an address. False: out of memory. */
must_check bool tls_client_expect(SSL *ssl, const char *host);
/* Why a handshake failed, or the reading after it: from the verdict on the server's certificate (SSL_get_verify_result), else from what the
 * thread's last error of OpenSSL was. Static; NULL: neither says anything. */
const char *tls_client_explain(long verdict);
