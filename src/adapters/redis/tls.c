/* tls.c: hiredis reads and writes; the handshake, which it would wait for or spin in, is done here. */
#include "adapters/redis/tls.h"

#include <assert.h>

#ifdef TRO_HAS_REDIS_TLS

#include <arpa/inet.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include "adapters/redis/wait.h"

const bool redis_has_tls = true;

/* An address has to be in the certificate as an address. */
static bool expect_host(SSL *ssl, const char *host)
{
	struct in6_addr address;
	bool is_address = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
	if (is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* NULL: out of memory, or there is nothing that is trusted. */
static SSL *make_ssl(const char *host)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;
	if (context != NULL && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_default_verify_paths(context) == 1) {
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		ssl = SSL_new(context); /* which keeps the context */
	}
	SSL_CTX_free(context);
	if (ssl != NULL && !expect_host(ssl, host)) {
		SSL_free(ssl);
		ssl = NULL;
	}
	return ssl;
}

static const char *explain(const SSL *ssl)
{
	long verdict = SSL_get_verify_result(ssl);
	if (verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	return reason == NULL ? "the connection was closed in the handshake" : reason;
}

static bool shake_hands(SSL *ssl, int descriptor, uint64_t deadline_ns, const char **ret_problem)
{
	for (;;) {
		ERR_clear_error();
		int result = SSL_do_handshake(ssl);
		if (result == 1)
			return true;
		int error = SSL_get_error(ssl, result);
		if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
			*ret_problem = explain(ssl);
			return false;
		}
		if (!redis_wait_for(descriptor, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ns)) {
			*ret_problem = "no answer in time";
			return false;
		}
	}
}

bool redis_tls_begin(redisContext *handle, const struct redis_endpoint *endpoint, uint64_t deadline_ns, const char **ret_problem)
{
	assert((handle->flags & REDIS_BLOCK) == 0);
	SSL *ssl = make_ssl(endpoint->host);
	if (ssl == NULL) {
		*ret_problem = "TLS cannot be set up";
		return false;
	}
	if (redisInitiateSSL(handle, ssl) != REDIS_OK) { /* which sends the first words, and has taken ssl over when it succeeds */
		*ret_problem = explain(ssl);
		SSL_free(ssl);
		return false;
	}
	return shake_hands(ssl, handle->fd, deadline_ns, ret_problem);
}

#else

const bool redis_has_tls = false;

bool redis_tls_begin(redisContext *handle, const struct redis_endpoint *endpoint, uint64_t deadline_ns, const char **ret_problem)
{
	(void)handle, (void)endpoint, (void)deadline_ns;
	assert(false && "an address with TLS was refused");
	*ret_problem = "there is no TLS";
	return false;
}

#endif
