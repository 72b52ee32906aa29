/* echo_server.c: see echo_server.h. */
#include "tests/support/echo_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "http/problem.h"

#define MEGABYTES (4 << 20)

/* Completes requests, in the order of their time. */
struct echo_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct list waiting;
	bool is_ending;
};

struct late_request {
	struct list_node node;
	struct http_request *request;
	uint64_t due_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Takes what is due off the list; answers how long the rest has to wait. */
static uint64_t take_due(struct echo_worker *worker, struct list *due)
{
	uint64_t now = now_ns();
	uint64_t next = now + 1000000000;
	struct list later;
	list_init(&later);
	struct list_node *node;
	while ((node = list_pop(&worker->waiting)) != NULL) {
		struct late_request *late = container_of(node, struct late_request, node);
		bool is_due = late->due_ns <= now || worker->is_ending;
		list_push(is_due ? due : &later, node);
		if (!is_due && late->due_ns < next)
			next = late->due_ns;
	}
	list_splice(&worker->waiting, &later);
	return next;
}

static void *work(void *argument)
{
	struct echo_worker *worker = argument;
	pthread_mutex_lock(&worker->lock);
	while (!worker->is_ending || !list_is_empty(&worker->waiting)) {
		struct list due;
		list_init(&due);
		uint64_t next = take_due(worker, &due);
		if (list_is_empty(&due)) {
			struct timespec until = {.tv_sec = (time_t)(next / 1000000000), .tv_nsec = (long)(next % 1000000000)};
			pthread_cond_timedwait(&worker->changed, &worker->lock, &until);
			continue;
		}
		pthread_mutex_unlock(&worker->lock);
		struct list_node *node;
		while ((node = list_pop(&due)) != NULL)
			http_request_complete(container_of(node, struct late_request, node)->request);
		pthread_mutex_lock(&worker->lock);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static struct echo_worker *worker_new(void)
{
	struct echo_worker *worker = calloc(1, sizeof *worker);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&worker->lock, NULL);
	list_init(&worker->waiting);
	if (pthread_create(&worker->thread, NULL, work, worker) != 0)
		abort();
	return worker;
}

/* Completes what waits. */
static void worker_end(struct echo_worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->is_ending = true;
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

static enum http_progress echo_body(struct http_request *request)
{
	if (request->body.length == 0)
		problem_answer(request, ERR_JSON_INVALID, "There is no body.");
	else
		http_respond(request, 200, "application/json", request->body);
	return HTTP_ANSWERED;
}

static enum http_progress echo_from_worker(struct http_request *request, uint64_t delay_ms)
{
	struct echo_server *echo = request->context;
	struct late_request *late = arena_allocate(&request->arena, sizeof *late);
	if (late == NULL)
		abort();
	*late = (struct late_request){.request = request, .due_ns = now_ns() + delay_ms * 1000000};
	request->resume = echo_body;
	pthread_mutex_lock(&echo->worker->lock);
	list_push(&echo->worker->waiting, &late->node);
	pthread_cond_signal(&echo->worker->changed);
	pthread_mutex_unlock(&echo->worker->lock);
	return HTTP_SUSPENDED;
}

static enum http_progress post_echo(struct http_request *request)
{
	return echo_from_worker(request, 0);
}

static enum http_progress post_late(struct http_request *request)
{
	struct slice ms;
	enum error error = http_request_query(request, SLICE("ms"), &ms);
	if (error != OK) {
		problem_answer(request, error, NULL);
		return HTTP_ANSWERED;
	}
	return echo_from_worker(request, ms.data == NULL ? 0 : strtoul(ms.data, NULL, 10));
}

static enum http_progress get_ping(struct http_request *request)
{
	http_respond(request, 200, "application/json", SLICE("{\"ping\":true}"));
	return HTTP_ANSWERED;
}

static enum http_progress get_echo(struct http_request *request)
{
	struct slice q;
	if (http_request_query(request, SLICE("q"), &q) != OK) {
		problem_answer(request, ERR_BAD_REQUEST, "q cannot be read.");
		return HTTP_ANSWERED;
	}
	char client[IP_ADDRESS_TEXT_MAX + 1];
	ip_address_format(&request->client, client);
	struct slice id = request->parameters[0];
	struct slice body = arena_format(&request->arena, "%.*s|%.*s|%s", SLICE_PRINT(id), SLICE_PRINT(q), client);
	http_respond(request, 200, "text/plain", body);
	return HTTP_ANSWERED;
}

static enum http_progress delete_echo(struct http_request *request)
{
	http_respond(request, 204, NULL, (struct slice){0});
	return HTTP_ANSWERED;
}

static enum http_progress get_tagged(struct http_request *request)
{
	request->response.etag = SLICE("\"seven\"");
	request->response.cache_control = "public, max-age=5";
	http_respond(request, 200, "text/plain", SLICE("seven"));
	return HTTP_ANSWERED;
}

static void release_megabytes(void *context)
{
	atomic_fetch_add((_Atomic uint32_t *)context, 1);
}

static enum http_progress get_megabytes(struct http_request *request)
{
	static const char megabytes[MEGABYTES];
	struct echo_server *echo = request->context;
	request->response.release = release_megabytes;
	request->response.release_context = &echo->bodies_released;
	http_respond(request, 200, "application/octet-stream", (struct slice){.data = megabytes, .length = sizeof megabytes});
	return HTTP_ANSWERED;
}

static struct http_refusal authenticate(struct http_request *request)
{
	if (request->route->access == HTTP_ACCESS_NOT_SAID)
		return (struct http_refusal){.error = OK};
	if (!slice_equal_string(http_request_header(request, SLICE("authorization")), "Bearer let-me-in"))
		return (struct http_refusal){.error = ERR_UNAUTHENTICATED, .detail = "Not you."};
	request->user = SLICE("alice");
	return (struct http_refusal){.error = OK};
}

static const char *const echo_parameters[] = {"q", NULL};
static const char *const late_parameters[] = {"ms", NULL};

static const struct http_route routes[] = {
	{.method = HTTP_GET, .path = "/ping", .handle = get_ping},
	{.method = HTTP_GET, .path = "/echo/{id}", .parameters = echo_parameters, .handle = get_echo},
	{.method = HTTP_POST, .path = "/echo", .takes_json = true, .handle = post_echo},
	{.method = HTTP_POST, .path = "/large", .takes_json = true, .body_max = 8 << 20, .handle = post_echo},
	{.method = HTTP_POST, .path = "/late", .parameters = late_parameters, .takes_json = true, .handle = post_late},
	{.method = HTTP_DELETE, .path = "/echo/{id}", .handle = delete_echo},
	{.method = HTTP_GET, .path = "/tagged", .handle = get_tagged},
	{.method = HTTP_GET, .path = "/megabytes", .handle = get_megabytes},
	{.method = HTTP_GET, .path = "/mine", .access = HTTP_ACCESS_USER, .handle = get_ping},
};

static void note_finished(void *context, const struct http_request_summary *summary)
{
	struct echo_server *echo = context;
	atomic_fetch_add(&echo->finished, 1);
	atomic_store(&echo->last_status, summary->status);
	if (summary->is_delivered)
		atomic_fetch_add(&echo->delivered, 1);
}

void echo_server_start(struct echo_server *echo, struct http_server_options options)
{
	memset(echo, 0, sizeof *echo);
	echo->cors = (struct cors_origins){.origins = {SLICE("https://shop.example"), SLICE("http://localhost:3000")}, .count = 2};
	if (!cidr_list_parse(SLICE("127.0.0.0/8,10.0.0.0/8"), &echo->trusted))
		abort();
	echo->worker = worker_new();
	echo->router = (struct http_router){
		.routes = routes,
		.route_count = ARRAY_LENGTH(routes),
		.cors = &echo->cors,
		.authenticate = authenticate,
		.context = echo,
	};
	options.router = &echo->router;
	options.trusted_proxies = &echo->trusted;
	options.finished = note_finished;
	options.context = echo;
	uint32_t failed;
	if (http_server_new(&options, &failed, &echo->server) != OK || http_server_start(echo->server) != OK) {
		perror("http_server_new");
		abort();
	}
}

bool echo_server_stop(struct echo_server *echo, uint32_t timeout_ms)
{
	bool is_clean = http_server_stop(echo->server, timeout_ms);
	worker_end(echo->worker);
	http_server_free(echo->server);
	return is_clean;
}
