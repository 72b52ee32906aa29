/* listeners.c: see listeners.h. */
#include "runtime/listeners.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/slice.h"
#include "base/version.h"
#include "http/routes.h"
#include "runtime/supervisor.h"
#include "runtime/terminal.h"

#define OPERATORS_CONNECTIONS_MAX 256
#define OPERATORS_STOP_MS 200 /* an answer under way takes less */

/* Answers an exit code, with the complaint made. */
static int open_listener(struct listener *listener, const struct api_options *api, const struct http_server_options *server,
                         const struct cors_origins *cors, const char *key)
{
	enum error error = api_new(api, &listener->api);
	if (error != OK)
		return complain("the service cannot be started: %s", error_title(error));
	listener->router = api_router(listener->api, cors);
	struct http_server_options options = *server;
	options.router = &listener->router;
	uint32_t failed = 0;
	if (http_server_new(&options, &failed, &listener->server) == OK)
		return EXIT_DONE;
	const struct http_address *address = &options.addresses[failed];
	if (address->descriptor > 0)
		return complain("LISTEN_FDS: cannot listen on descriptor %d: %s", address->descriptor, strerror(errno));
	if (address->path != NULL)
		return complain("%s: cannot listen on unix:%s: %s", key, address->path, strerror(errno));
	return complain("%s: cannot listen on %s:%u: %s", key, address->host, (unsigned)address->port, strerror(errno));
}

static int open_operators(struct listeners *listeners, const struct listeners_options *options, const struct http_server_options *server)
{
	struct api_options api = *options->api;
	api.service = NULL;
	api.loops = 1;
	api.operators = API_OPERATORS_ALONE;
	struct http_server_options own = *server;
	own.name = "admin";
	const struct config_address *address = &options->config->http.admin;
	own.addresses[0] = (struct http_address){.host = address->host, .port = address->port};
	own.address_count = 1;
	own.tls = NULL;
	own.loops = 1;
	own.connections_max = OPERATORS_CONNECTIONS_MAX;
	own.connections_per_address = 0;
	own.descriptors_reserved = HTTP_DESCRIPTORS_RESERVED_MAX;
	return open_listener(&listeners->operators, &api, &own, &listeners->cors, "ADMIN_ADDR");
}

/* Sockets from the supervisor take the place of LISTEN_ADDR. */
static void set_addresses(struct http_server_options *server, const struct config_addresses *listen)
{
	int descriptors[HTTP_ADDRESSES_MAX];
	server->address_count = supervisor_sockets(descriptors, HTTP_ADDRESSES_MAX);
	for (uint32_t i = 0; i < server->address_count; i++)
		server->addresses[i] = (struct http_address){.descriptor = descriptors[i]};
	if (server->address_count > 0)
		return;
	static_assert(CONFIG_ADDRESSES_MAX <= HTTP_ADDRESSES_MAX, "an address would be left out");
	for (uint32_t i = 0; i < listen->count; i++) {
		const struct config_address *address = &listen->items[i];
		server->addresses[i] = (struct http_address){.host = address->host, .port = address->port, .path = address->path};
	}
	server->address_count = listen->count;
}

int listeners_open(struct listeners *listeners, const struct listeners_options *options)
{
	assert(listeners != NULL && listeners->everybody.server == NULL);
	const struct config_http *http = &options->config->http;
	bool has_admin_address = http->admin.host != NULL;

	for (uint32_t i = 0; i < http->cors_allowed_origins.count; i++)
		listeners->cors.origins[listeners->cors.count++] = slice_of(http->cors_allowed_origins.items[i]);
	struct api_options api = *options->api;
	api.loops = http->threads;
	api.operators = has_admin_address ? API_OPERATORS_ELSEWHERE : API_OPERATORS_HERE;
	struct http_server_options server = http_server_defaults();
	set_addresses(&server, &http->listen);
	if ((http->tls_certificate == NULL) != (http->tls_key == NULL))
		return complain("TLS_CERT_FILE and TLS_KEY_FILE belong together: set both, or none");
	char message[TLS_MESSAGE_MAX];
	if (http->tls_certificate != NULL && tls_server_new(http->tls_certificate, http->tls_key, message, &listeners->tls) != OK)
		return complain("%s", message);
	server.tls = listeners->tls;
	server.loops = http->threads;
	server.trusted_proxies = &http->trusted_proxies;
	server.connections_max = options->connections_max;
	server.connections_per_address = http->connections_per_address;
	server.client_ipv6_prefix = http->client_ipv6_prefix;
	server.body_memory_max = http->body_memory_max;
	server.head_timeout_ms = (uint32_t)http->head_timeout_ms;
	server.body_timeout_ms = (uint32_t)http->body_timeout_ms;
	server.idle_timeout_ms = (uint32_t)http->idle_timeout_ms;
	server.sampler = options->sampler;
	server.finished = options->finished;
	server.context = options->context;
	int code = open_listener(&listeners->everybody, &api, &server, &listeners->cors, "LISTEN_ADDR");
	return code == EXIT_DONE && has_admin_address ? open_operators(listeners, options, &server) : code;
}

void listeners_reload(struct listeners *listeners, struct logger *logger)
{
	char message[TLS_MESSAGE_MAX];
	assert(listeners != NULL && logger != NULL);

	if (listeners->tls == NULL)
		log_event(logger, LOG_INFO, "there is no certificate to read again");
	else if (tls_server_reload(listeners->tls, message) == OK)
		log_event(logger, LOG_INFO, "the certificate was read again");
	else
		log_event(logger, LOG_ERROR, "the certificate cannot be read again, and the one before it stays",
		          log_string("reason", message));
}

static int serve(struct listener *listener)
{
	if (listener->server == NULL)
		return EXIT_DONE;
	listener->is_serving = http_server_start(listener->server) == OK;
	return listener->is_serving ? EXIT_DONE : complain("the server cannot be started: %s", strerror(errno));
}

int listeners_serve(struct listeners *listeners)
{
	assert(listeners != NULL && listeners->everybody.server != NULL);

	int code = serve(&listeners->operators);
	return code == EXIT_DONE ? serve(&listeners->everybody) : code;
}

bool listeners_stop(struct listeners *listeners, uint32_t timeout_ms)
{
	return !listeners->everybody.is_serving || http_server_stop(listeners->everybody.server, timeout_ms);
}

void listeners_stop_operators(struct listeners *listeners)
{
	if (listeners->operators.is_serving)
		(void)http_server_stop(listeners->operators.server, OPERATORS_STOP_MS);
}

static void free_listener(struct listener *listener)
{
	http_server_free(listener->server);
	api_free(listener->api);
	*listener = (struct listener){0};
}

void listeners_free(struct listeners *listeners)
{
	free_listener(&listeners->everybody);
	free_listener(&listeners->operators);
	tls_server_free(listeners->tls);
	listeners->tls = NULL;
}

void listeners_log(const struct listeners *listeners, const struct config_http *http, uint32_t connections_max,
                   const struct confinement *confinement, struct logger *logger)
{
	uint16_t port = http_server_port(listeners->everybody.server);
	const struct listener *operators = &listeners->operators;
	const struct config_address *address = &http->listen.items[0];
	log_event(logger, LOG_INFO, "serving", log_string("version", TRO_VERSION),
	          log_string("host", address->path != NULL ? address->path : address->host), log_uint("port", port),
	          log_bool("files_are_confined", confinement->has_files),
	          log_bool("system_calls_are_confined", confinement->has_system_calls));
	if (connections_max < http->connections_max)
		log_event(logger, LOG_WARN, "fewer connections than CONNECTIONS_MAX: the limit of file descriptors is too low",
		          log_uint("connections_max", connections_max));
	if (operators->is_serving)
		log_event(logger, LOG_INFO, "serving operators", log_string("host", http->admin.host),
		          log_uint("port", http_server_port(operators->server)));
}
