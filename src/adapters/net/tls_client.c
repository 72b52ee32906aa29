/* tls_client.c: OpenSSL's settings, and its errors in words. */
#include "adapters/net/tls_client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The file cannot be opened, or is not what it should be. */
static bool refuse(const char *what, const char *path, char problem[static TLS_CLIENT_PROBLEM_MAX])
{
	assert(what != NULL && path != NULL);
	bool is_readable = access(path, R_OK) == 0;
	const char *reason = is_readable ? ERR_reason_error_string(ERR_peek_last_error()) : strerror(errno);
	(void)snprintf(problem, TLS_CLIENT_PROBLEM_MAX, "the %s %.200s cannot be used: %.100s", what, path,
	               reason == NULL ? "malformed" : reason);
	return false;
}

bool tls_client_prepare(SSL_CTX *context, const struct tls_client_files *files, char problem[static TLS_CLIENT_PROBLEM_MAX])
{
	assert(context != NULL && files != NULL);
	ERR_clear_error();
	if (files->key != NULL && files->certificate == NULL) {
		(void)snprintf(problem, TLS_CLIENT_PROBLEM_MAX, "there is a key, %.200s, without its certificate", files->key);
		return false;
	}
	if (files->authorities != NULL && SSL_CTX_load_verify_file(context, files->authorities) != 1)
		return refuse("file of authorities", files->authorities, problem);
	if (files->certificate != NULL) {
		const char *key = files->key != NULL ? files->key : files->certificate;
		if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
			return refuse("certificate", files->certificate, problem);
		if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context) != 1)
			return refuse("key", key, problem);
	}
	if ((files->authorities == NULL && SSL_CTX_set_default_verify_paths(context) != 1) ||
	    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
		(void)snprintf(problem, TLS_CLIENT_PROBLEM_MAX, "TLS cannot be set up");
		return false;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return true;
}

bool tls_client_expect(SSL *ssl, const char *host)
{
	assert(ssl != NULL && host != NULL);
	struct in6_addr address;
	bool is_address = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
	if (is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

const char *tls_client_explain(long verdict)
{
	assert(verdict >= 0);
	if (verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	unsigned long error = ERR_peek_last_error();
	if (error == 0 || ERR_SYSTEM_ERROR(error))
		return NULL;
	switch (ERR_GET_REASON(error)) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_HTTP_REQUEST:
		return "the server does not speak TLS there";
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
		return "the server ends the handshake: does it ask for a client certificate?";
	default:
		return ERR_reason_error_string(error);
	}
}
