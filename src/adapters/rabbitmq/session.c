/* session.c: URL, handshake, spaced tries, and the frames that concern the whole connection. */
#include "adapters/rabbitmq/session.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/hash.h"
#include "base/now.h"

#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 1000
#define HEARTBEAT_S 15 /* the broker is given up after two of them, and never while it has been silent for less than 22 s */
#define FRAME_MAX 131072
#define CLOSE_TIMEOUT_MS 500
#define SEND_BUFFER (256 * 1024) /* bus.c writes at most a third of it between two looks at the socket */

static struct timeval time_until(uint64_t deadline_ns)
{
	uint64_t now_ns = monotonic_now_ns();
	uint64_t left_us = deadline_ns > now_ns ? (deadline_ns - now_ns) / 1000 : 0;
	return (struct timeval){.tv_sec = (time_t)(left_us / 1000000), .tv_usec = (suseconds_t)(left_us % 1000000)};
}

enum error session_init(const char *url, const struct tls_client_files *tls, struct session *ret_session,
                        char message[static RABBITMQ_MESSAGE_MAX])
{
	assert(url != NULL && ret_session != NULL);
	struct session session = {.url = strdup(url), .backoff = {.base_ms = PAUSE_MIN_MS, .maximum_ms = PAUSE_MAX_MS}};
	if (session.url == NULL) {
		(void)snprintf(message, RABBITMQ_MESSAGE_MAX, "out of memory");
		return ERR_NO_MEMORY;
	}
	if (amqp_parse_url(session.url, &session.server) != AMQP_STATUS_OK) {
		(void)snprintf(message, RABBITMQ_MESSAGE_MAX,
		               "the URL of RabbitMQ cannot be read (not shown: it may have a password); it must be like "
		               "amqp://user:password@host:5672/vhost");
		free(session.url);
		return ERR_VALIDATION;
	}
	if (tls != NULL)
		session.tls = *tls;
	if (!session.server.ssl && (session.tls.authorities != NULL || session.tls.certificate != NULL || session.tls.key != NULL)) {
		(void)snprintf(message, RABBITMQ_MESSAGE_MAX,
		               "RABBIT_CA_FILE, RABBIT_CERT_FILE and RABBIT_KEY_FILE are for TLS: RABBIT_URL must begin with amqps://");
		free(session.url);
		return ERR_VALIDATION;
	}
	if (session.server.vhost[0] == '\0')
		session.server.vhost = (char *)(uintptr_t) "/"; /* never written to */
	if (resolver_new(&session.resolver) != OK) {
		(void)snprintf(message, RABBITMQ_MESSAGE_MAX, "out of memory");
		free(session.url);
		return ERR_NO_MEMORY;
	}
	*ret_session = session;
	return OK;
}

/* One line, whatever the broker said. */
static void explain(struct session *session, const char *what, const char *why)
{
	assert(what != NULL);
	(void)snprintf(session->problem, sizeof session->problem, "RabbitMQ at %s:%d %s%s%s", session->server.host, session->server.port,
	               what, why == NULL ? "" : ": ", why == NULL ? "" : why);
	for (char *byte = session->problem; *byte != '\0'; byte++)
		if ((unsigned char)*byte < ' ')
			*byte = ' ';
}

void session_note(struct session *session, const char *what, const char *why)
{
	assert(session != NULL);
	if (what == NULL)
		session->problem[0] = '\0';
	else
		explain(session, what, why);
}

/* Those who lost the broker together do not come back together. */
static void pause_after_failure(struct session *session)
{
	assert(session->handle == NULL);
	uint64_t now_ns = monotonic_now_ns(), seed[] = {now_ns, (uintptr_t)session};
	session->next_try_ns = now_ns + backoff_next(&session->backoff, hash_bytes(&(struct hash_seed){0}, seed, sizeof seed)) * 1000000;
}

static void drop(struct session *session)
{
	assert(session != NULL);
	amqp_destroy_connection(session->handle);
	session->handle = NULL;
	session->is_blocked = false;
	pause_after_failure(session);
}

void session_lose(struct session *session, const char *what, const char *why)
{
	assert(what != NULL);
	explain(session, what, why);
	drop(session);
}

void session_release(struct session *session)
{
	assert(session != NULL);
	if (session->handle != NULL && !session->is_blocked) {
		session_limit(session, monotonic_now_ns() + (uint64_t)CLOSE_TIMEOUT_MS * 1000000);
		(void)amqp_connection_close(session->handle, AMQP_REPLY_SUCCESS);
	}
	amqp_destroy_connection(session->handle);
	resolver_free(session->resolver);
	free(session->url);
	*session = (struct session){0};
}

void session_limit(struct session *session, uint64_t deadline_ns)
{
	assert(session->handle != NULL);
	struct timeval left = time_until(deadline_ns);
	(void)amqp_set_handshake_timeout(session->handle, &left);
	(void)amqp_set_rpc_timeout(session->handle, &left);
}

/* The broker's own words are why. */
static void explain_in_its_words(struct session *session, const char *what, amqp_bytes_t words)
{
	assert(what != NULL);
	char why[RABBITMQ_MESSAGE_MAX];
	(void)snprintf(why, sizeof why, "%.*s", (int)words.len, (const char *)words.bytes);
	explain(session, what, why);
}

/* The broker closes the channel or the connection: its words with the code of AMQP, "PRECONDITION_FAILED - … (406)". */
static void explain_close(struct session *session, const char *what, const amqp_method_t *method)
{
	assert(what != NULL && method != NULL);
	amqp_bytes_t text = {0};
	unsigned code = 0;
	if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
		text = ((const amqp_channel_close_t *)method->decoded)->reply_text;
		code = ((const amqp_channel_close_t *)method->decoded)->reply_code;
	} else if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
		text = ((const amqp_connection_close_t *)method->decoded)->reply_text;
		code = ((const amqp_connection_close_t *)method->decoded)->reply_code;
	}
	char why[RABBITMQ_MESSAGE_MAX];
	(void)snprintf(why, sizeof why, "%.*s (%u)", (int)text.len, (const char *)text.bytes, code);
	explain(session, what, why);
}

/* The reason why the connection failed, with more about TLS than librabbitmq knows. */
static const char *reason_of(const struct session *session, int status)
{
	assert(status != AMQP_STATUS_OK);
	bool is_tls = session->server.ssl && status <= AMQP_STATUS_SSL_ERROR && status > AMQP_STATUS_SSL_ERROR - 0x100;
	const char *why = is_tls ? tls_client_explain(session->verdict) : NULL;
	return why != NULL ? why : amqp_error_string2(status);
}

static bool check_reply(struct session *session, amqp_rpc_reply_t reply, const char *what)
{
	assert(what != NULL);
	if (reply.reply_type == AMQP_RESPONSE_NORMAL)
		return true;
	if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
		explain_close(session, what, &reply.reply);
	else
		explain(session, what, reason_of(session, reply.library_error));
	return false;
}

bool session_check(struct session *session, const char *what)
{
	assert(session->handle != NULL);
	return check_reply(session, amqp_get_rpc_reply(session->handle), what);
}

/* Keeps what is wrong with the certificate for the problem: librabbitmq says only that the handshake failed. */
static int keep_verdict(int is_fine, X509_STORE_CTX *verification)
{
	assert(verification != NULL);
	const SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct session *session = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	if (is_fine == 0)
		session->verdict = X509_STORE_CTX_get_error(verification);
	return is_fine;
}

/* Tells the server its name, as the connection is made to an address. librabbitmq makes the SSL object by itself. */
static void tell_server_name(const SSL *ssl, int where, int value)
{
	assert(ssl != NULL);
	(void)value;
	const struct session *session = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	if ((where & SSL_CB_HANDSHAKE_START) != 0)
		(void)SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl, session->server.host);
}

/* librabbitmq would hold the certificate against the address: it is held against the host of the URL here. */
static bool prepare_tls(struct session *session, amqp_socket_t *socket)
{
	assert(socket != NULL);
	char problem[TLS_CLIENT_PROBLEM_MAX];
	SSL_CTX *context = amqp_ssl_socket_get_context(socket);
	session->verdict = X509_V_OK;
	if (!tls_client_prepare(context, &session->tls, problem)) {
		explain(session, "cannot be reached", problem);
		return false;
	}
	amqp_ssl_socket_set_verify_hostname(socket, 0);
	(void)SSL_CTX_set_app_data(context, session);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, keep_verdict);
	X509_VERIFY_PARAM *expected = SSL_CTX_get0_param(context);
	if (X509_VERIFY_PARAM_set1_ip_asc(expected, session->server.host) == 1)
		return true;
	SSL_CTX_set_info_callback(context, tell_server_name);
	if (X509_VERIFY_PARAM_set1_host(expected, session->server.host, 0) == 1)
		return true;
	explain(session, "cannot be reached", "out of memory");
	return false;
}

/* NULL: the problem says why. */
static amqp_socket_t *make_socket(struct session *session)
{
	assert(session->handle != NULL);
	amqp_socket_t *socket = session->server.ssl ? amqp_ssl_socket_new(session->handle) : amqp_tcp_socket_new(session->handle);
	if (socket == NULL)
		explain(session, "cannot be reached", "a socket cannot be made");
	else if (session->server.ssl && !prepare_tls(session, socket))
		return NULL;
	return socket;
}

static bool open_address(struct session *session, const char *address, uint64_t deadline_ns)
{
	assert(address != NULL);
	const int send_buffer = SEND_BUFFER;
	amqp_socket_t *socket = make_socket(session); /* takes the place of the last one */
	if (socket == NULL)
		return false;
	struct timeval left = time_until(deadline_ns);
	ERR_clear_error();
	int status = amqp_socket_open_noblock(socket, address, session->server.port, &left);
	if (status != AMQP_STATUS_OK) {
		explain(session, "cannot be reached", reason_of(session, status));
		return false;
	}
	(void)setsockopt(amqp_get_sockfd(session->handle), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
	return true;
}

/* Each address has its part of the time that is left. */
static bool open_socket(struct session *session, uint64_t deadline_ns)
{
	assert(session->resolver != NULL);
	struct resolver_addresses addresses;
	char problem[RESOLVER_PROBLEM_MAX];
	if (resolver_find(session->resolver, session->server.host, deadline_ns, &addresses, problem) != OK) {
		explain(session, "cannot be reached", problem);
		return false;
	}
	for (uint32_t i = 0; i < addresses.count; i++) {
		uint64_t now_ns = monotonic_now_ns();
		uint64_t left_ns = deadline_ns > now_ns ? (deadline_ns - now_ns) / (addresses.count - i) : 0;
		if (open_address(session, addresses.texts[i], now_ns + left_ns))
			return true;
	}
	return false;
}

static amqp_table_entry_t capability(const char *name)
{
	assert(name != NULL);
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(name), .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value = {.boolean = 1}}};
}

static bool log_in(struct session *session, uint64_t deadline_ns)
{
	assert(session->handle != NULL);
	amqp_table_entry_t capabilities[] = {capability("connection.blocked"), capability("consumer_cancel_notify"),
	                                     capability("publisher_confirms")};
	amqp_table_entry_t properties[] = {
		{.key = amqp_cstring_bytes("capabilities"),
	         .value = {.kind = AMQP_FIELD_KIND_TABLE,
	                   .value = {.table = {.num_entries = ARRAY_LENGTH(capabilities), .entries = capabilities}}}},
		{.key = amqp_cstring_bytes("connection_name"),
	         .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes(program_invocation_short_name)}}},
	};
	amqp_table_t table = {.num_entries = ARRAY_LENGTH(properties), .entries = properties};
	session_limit(session, deadline_ns);
	amqp_rpc_reply_t reply =
		amqp_login_with_properties(session->handle, session->server.vhost, SESSION_CHANNELS_MAX, FRAME_MAX, HEARTBEAT_S, &table,
	                                   AMQP_SASL_METHOD_PLAIN, session->server.user, session->server.password);
	return check_reply(session, reply, "does not let us in");
}

bool session_open_channel(struct session *session, amqp_channel_t channel, uint64_t deadline_ns)
{
	assert(session->handle != NULL && channel > 0);
	session_limit(session, deadline_ns);
	(void)amqp_channel_open(session->handle, channel);
	return session_check(session, "opens no channel");
}

bool session_declare_exchange(struct session *session, const char *exchange, uint64_t deadline_ns)
{
	assert(session->handle != NULL && exchange != NULL);
	char what[64];
	(void)snprintf(what, sizeof what, "does not declare the exchange %s", exchange);
	session_limit(session, deadline_ns);
	(void)amqp_exchange_declare(session->handle, SESSION_CHANNEL, amqp_cstring_bytes(exchange), amqp_cstring_bytes("topic"), 0, 1, 0, 0,
	                            amqp_empty_table);
	return session_check(session, what);
}

static bool set_up(struct session *session, uint64_t deadline_ns)
{
	assert(session->handle != NULL);
	return open_socket(session, deadline_ns) && log_in(session, deadline_ns) &&
	       session_open_channel(session, SESSION_CHANNEL, deadline_ns) && session->prepare(session, deadline_ns);
}

bool session_connect(struct session *session, uint64_t deadline_ns)
{
	assert(session->url != NULL && session->prepare != NULL);
	if (session->handle != NULL)
		return true;
	if (monotonic_now_ns() < session->next_try_ns)
		return false;
	session->handle = amqp_new_connection();
	if (session->handle == NULL) {
		session_lose(session, "cannot be reached", "out of memory");
		return false;
	}
	if (!set_up(session, deadline_ns)) {
		drop(session);
		return false;
	}
	session->connections++;
	backoff_reset(&session->backoff);
	session->problem[0] = '\0';
	return true;
}

/* A method of the connection as a whole. */
static enum session_result take_connection_method(struct session *session, const amqp_method_t *method)
{
	assert(method != NULL);
	switch (method->id) {
	case AMQP_CONNECTION_BLOCKED_METHOD:
		session->is_blocked = true;
		explain_in_its_words(session, "takes no messages now", ((const amqp_connection_blocked_t *)method->decoded)->reason);
		return SESSION_NOTHING;
	case AMQP_CONNECTION_UNBLOCKED_METHOD:
		session->is_blocked = false;
		session->problem[0] = '\0';
		return SESSION_NOTHING;
	default:
		return SESSION_FRAME;
	}
}

enum session_result session_wait(struct session *session, uint64_t deadline_ns, amqp_frame_t *ret_frame)
{
	assert(ret_frame != NULL);
	assert(session->handle != NULL);
	struct timeval left = time_until(deadline_ns);
	int status = amqp_simple_wait_frame_noblock(session->handle, ret_frame, &left);
	if (status == AMQP_STATUS_TIMEOUT)
		return SESSION_NOTHING;
	if (status != AMQP_STATUS_OK) {
		session_lose(session, "is gone", reason_of(session, status));
		return SESSION_LOST;
	}
	if (ret_frame->frame_type != AMQP_FRAME_METHOD)
		return SESSION_FRAME;
	const amqp_method_t *method = &ret_frame->payload.method;
	if (method->id == AMQP_CHANNEL_CLOSE_METHOD || method->id == AMQP_CONNECTION_CLOSE_METHOD) {
		explain_close(session, "has closed the connection", method);
		drop(session);
		return SESSION_LOST;
	}
	return take_connection_method(session, method);
}

void session_recycle(struct session *session)
{
	assert(session->handle != NULL);
	amqp_maybe_release_buffers(session->handle);
}
