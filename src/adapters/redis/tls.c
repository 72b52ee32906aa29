/* tls.c: OpenSSL on a socket that does not block. */
#include "adapters/redis/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/redis/wait.h"
#include "base/buffer.h"

#define QUEUE_MAX (16 << 20) /* far more than one admission sends */
#define READ_SIZE 16384      /* a record of TLS */

struct redis_tls {
	SSL *ssl;
	struct buffer queue;
	size_t sent; /* of the queue */
	const char *problem;
};

static bool make_ssl(struct redis_tls *tls, const struct tls_client_files *files, const char *host,
                     char problem[static TLS_CLIENT_PROBLEM_MAX])
{
	assert(tls->ssl == NULL);
	(void)snprintf(problem, TLS_CLIENT_PROBLEM_MAX, "out of memory");
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (context == NULL)
		return false;
	if (tls_client_prepare(context, files, problem))
		tls->ssl = SSL_new(context); /* which keeps the context */
	SSL_CTX_free(context);
	if (tls->ssl == NULL)
		return false;
	(void)SSL_set_mode(tls->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls_client_expect(tls->ssl, host);
}

static bool shake_hands(SSL *ssl, int descriptor, uint64_t deadline_ns, char problem[static TLS_CLIENT_PROBLEM_MAX])
{
	assert(ssl != NULL);
	for (;;) {
		ERR_clear_error();
		int result = SSL_connect(ssl);
		if (result == 1)
			return true;
		int error = SSL_get_error(ssl, result);
		if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
			const char *why = tls_client_explain(SSL_get_verify_result(ssl));
			(void)snprintf(problem, TLS_CLIENT_PROBLEM_MAX, "%s", why != NULL ? why : "the server ended the handshake");
			return false;
		}
		if (!redis_wait_for(descriptor, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ns)) {
			(void)snprintf(problem, TLS_CLIENT_PROBLEM_MAX,
			               "the handshake was not answered in time: does the server speak TLS there?");
			return false;
		}
	}
}

bool redis_tls_begin(int descriptor, const struct tls_client_files *files, const char *host, uint64_t deadline_ns,
                     struct redis_tls **ret_tls, char problem[static TLS_CLIENT_PROBLEM_MAX])
{
	assert(descriptor >= 0 && files != NULL && host != NULL && ret_tls != NULL);
	struct redis_tls *tls = calloc(1, sizeof *tls);
	if (tls == NULL) {
		(void)snprintf(problem, TLS_CLIENT_PROBLEM_MAX, "out of memory");
		return false;
	}
	buffer_init(&tls->queue, NULL, QUEUE_MAX);
	if (make_ssl(tls, files, host, problem) && SSL_set_fd(tls->ssl, descriptor) == 1 &&
	    shake_hands(tls->ssl, descriptor, deadline_ns, problem)) {
		*ret_tls = tls;
		return true;
	}
	redis_tls_free(tls);
	return false;
}

void redis_tls_free(struct redis_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	buffer_release(&tls->queue);
	free(tls);
}

bool redis_tls_queue(struct redis_tls *tls, int count, const char **words, const size_t *lengths)
{
	assert(tls != NULL && count > 0);
	char *text;
	int length = (int)redisFormatCommandArgv(&text, count, words, lengths);
	if (length < 0)
		return false;
	buffer_append(&tls->queue, text, (size_t)length);
	redisFreeCommand(text);
	return !tls->queue.failed;
}

/* True: the connection stands, and the call must be tried again when the socket is ready. */
static bool is_only_waiting(struct redis_tls *tls, int result)
{
	assert(result <= 0);
	int error = SSL_get_error(tls->ssl, result);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return true;
	const char *why = tls_client_explain(SSL_get_verify_result(tls->ssl));
	tls->problem = why != NULL ? why : "the connection was closed";
	return false;
}

static bool send_queue(struct redis_tls *tls)
{
	assert(tls->sent <= tls->queue.length);
	while (tls->sent < tls->queue.length) {
		ERR_clear_error();
		int written = SSL_write(tls->ssl, tls->queue.data + tls->sent, (int)(tls->queue.length - tls->sent));
		if (written <= 0)
			return is_only_waiting(tls, written);
		tls->sent += (size_t)written;
	}
	tls->sent = 0;
	buffer_clear(&tls->queue);
	return true;
}

bool redis_tls_exchange(struct redis_tls *tls, redisReader *reader, bool *ret_is_written)
{
	assert(tls != NULL && reader != NULL && ret_is_written != NULL);
	if (!send_queue(tls))
		return false;
	*ret_is_written = tls->queue.length == 0;
	/* To the end: bytes that OpenSSL has decrypted already do not make the socket ready again. */
	for (;;) {
		char bytes[READ_SIZE];
		ERR_clear_error();
		int count = SSL_read(tls->ssl, bytes, sizeof bytes);
		if (count <= 0)
			return is_only_waiting(tls, count);
		if (redisReaderFeed(reader, bytes, (size_t)count) != REDIS_OK)
			return false;
	}
}

const char *redis_tls_problem(const struct redis_tls *tls)
{
	assert(tls != NULL);
	return tls->problem;
}
