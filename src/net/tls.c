/* tls.c: see tls.h. */
#include "net/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CIPHERS_OF_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20" /* those of 1.3 are all good */
#define PROTOCOL "http/1.1"

struct tls_server {
	const char *certificate;
	const char *key;
	pthread_mutex_t lock; /* guards the context, while a reference to it is taken or it is replaced */
	SSL_CTX *context;
};

struct tls_session {
	SSL *ssl;
};

/* A client that offers protocols must offer ours; one that offers none means it. */
static int choose_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_length, const unsigned char *offered,
                           unsigned int offered_length, void *context)
{
	(void)ssl;
	(void)context;
	const size_t length = sizeof PROTOCOL - 1;
	for (unsigned int at = 0; at < offered_length; at += 1U + offered[at]) {
		if (offered[at] != length || at + 1 + length > offered_length || memcmp(offered + at + 1, PROTOCOL, length) != 0)
			continue;
		*ret_name = offered + at + 1;
		*ret_length = (unsigned char)length;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static enum error explain(const char *name, const char *path, char message[static TLS_MESSAGE_MAX])
{
	unsigned long first = ERR_get_error();
	const char *reason = ERR_reason_error_string(first);
	snprintf(message, TLS_MESSAGE_MAX, "%s %s cannot be used: %s", name, path, reason == NULL ? "it is not PEM" : reason);
	ERR_clear_error();
	return ERR_SYSTEM;
}

static enum error load_files(const struct tls_server *server, SSL_CTX *context, char message[static TLS_MESSAGE_MAX])
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(context, server->certificate) != 1)
		return explain("TLS_CERT_FILE", server->certificate, message);
	if (SSL_CTX_use_PrivateKey_file(context, server->key, SSL_FILETYPE_PEM) != 1)
		return explain("TLS_KEY_FILE", server->key, message);
	return OK;
}

static enum error make_context(const struct tls_server *server, char message[static TLS_MESSAGE_MAX], SSL_CTX **ret_context)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(context, CIPHERS_OF_1_2) != 1) {
		SSL_CTX_free(context);
		snprintf(message, TLS_MESSAGE_MAX, "TLS cannot be set up: out of memory");
		return ERR_NO_MEMORY;
	}
	SSL_CTX_set_options(context,
	                    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	enum error error = load_files(server, context, message);
	if (error != OK) {
		SSL_CTX_free(context);
		return error;
	}
	*ret_context = context;
	return OK;
}

enum error tls_server_new(const char *certificate, const char *key, char message[static TLS_MESSAGE_MAX], struct tls_server **ret_server)
{
	assert(certificate != NULL && key != NULL && ret_server != NULL);

	struct tls_server *server = calloc(1, sizeof *server);
	if (server == NULL) {
		snprintf(message, TLS_MESSAGE_MAX, "TLS cannot be set up: out of memory");
		return ERR_NO_MEMORY;
	}
	server->certificate = certificate;
	server->key = key;
	enum error error = make_context(server, message, &server->context);
	if (error != OK) {
		free(server);
		return error;
	}
	pthread_mutex_init(&server->lock, NULL);
	*ret_server = server;
	return OK;
}

enum error tls_server_reload(struct tls_server *server, char message[static TLS_MESSAGE_MAX])
{
	assert(server != NULL);

	SSL_CTX *context;
	enum error error = make_context(server, message, &context);
	if (error != OK)
		return error;
	pthread_mutex_lock(&server->lock);
	SSL_CTX *before = server->context;
	server->context = context;
	pthread_mutex_unlock(&server->lock);
	SSL_CTX_free(before); /* the last session of it frees it */
	return OK;
}

void tls_server_free(struct tls_server *server)
{
	if (server == NULL)
		return;
	SSL_CTX_free(server->context);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

/* Sessions. */

struct tls_session *tls_session_new(struct tls_server *server, int descriptor)
{
	assert(server != NULL && descriptor >= 0);

	struct tls_session *session = calloc(1, sizeof *session);
	if (session == NULL)
		return NULL;
	pthread_mutex_lock(&server->lock);
	session->ssl = SSL_new(server->context);
	pthread_mutex_unlock(&server->lock);
	if (session->ssl == NULL || SSL_set_fd(session->ssl, descriptor) != 1) {
		tls_session_free(session);
		return NULL;
	}
	SSL_set_accept_state(session->ssl);
	return session;
}

void tls_session_free(struct tls_session *session)
{
	if (session == NULL)
		return;
	SSL_free(session->ssl);
	free(session);
}

static enum tls_result result_of(const struct tls_session *session, int returned)
{
	if (returned > 0)
		return TLS_DONE;
	int reason = SSL_get_error(session->ssl, returned);
	ERR_clear_error();
	switch (reason) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		return TLS_FAILED;
	}
}

enum tls_result tls_session_handshake(struct tls_session *session)
{
	assert(session != NULL);
	return result_of(session, SSL_do_handshake(session->ssl));
}

enum tls_result tls_session_read(struct tls_session *session, void *data, size_t size, size_t *ret_length)
{
	assert(session != NULL && size > 0 && ret_length != NULL);
	return result_of(session, SSL_read_ex(session->ssl, data, size, ret_length));
}

bool tls_session_has_input(const struct tls_session *session)
{
	assert(session != NULL);
	return SSL_has_pending(session->ssl) == 1;
}

enum tls_result tls_session_write(struct tls_session *session, struct slice piece, size_t *ret_length)
{
	assert(session != NULL && piece.length > 0 && ret_length != NULL);
	return result_of(session, SSL_write_ex(session->ssl, piece.data, piece.length, ret_length));
}

void tls_session_end(struct tls_session *session)
{
	assert(session != NULL);
	if (SSL_is_init_finished(session->ssl))
		(void)SSL_shutdown(session->ssl); /* it only has to be said, not heard */
	ERR_clear_error();
}
