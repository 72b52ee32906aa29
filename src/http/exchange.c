/* exchange.c: from bytes to a request. */
#include "http/exchange.h"

#include <assert.h>
#include <stdlib.h>

#include "base/now.h"
#include "base/trace_state.h"
#include "base/uuid.h"
#include "http/usage.h"
#include "http/client_address.h"
#include "http/loop.h"
#include "http/operators_action.h"
#include "http/router.h"
#include "http/server_options.h"

#define INPUT_SIZE 2048                 /* most heads fit */
#define BODY_INPUT_SIZE 16384           /* for bodies that did not come along with the head */
#define HEAD_MARGIN 1024                /* beyond the greatest head, so that it shows that it is too great */
#define MEMORY_BASE (UINT64_C(4) << 20) /* the memory of a request, besides … */
#define MEMORY_FACTOR 8                 /* … this many times its body */
#define BODY_FIRST_SIZE 4096
#define BODY_SKIPPED_MAX 65536 /* bytes of a refused body that are read for the sake of the connection; beyond it a new one is cheaper */
#define REQUEST_ID_LENGTH_MAX 64
#define SPARE_EXCHANGES_MAX 128
#define EXCHANGE_BLOCK_SIZE 8192

/* An exchange, zeroed except for its empty arena; NULL: out of memory. */
static struct exchange *take_exchange(struct loop *loop)
{
	struct list_node *node = list_pop(&loop->spare_exchanges);
	struct exchange *exchange = node == NULL ? calloc(1, sizeof *exchange) : container_of(node, struct exchange, node);
	if (exchange == NULL)
		return NULL;
	struct arena arena = exchange->request.arena;
	if (node == NULL)
		arena_init(&arena, EXCHANGE_BLOCK_SIZE, EXCHANGE_BLOCK_SIZE);
	else
		loop->spare_count--;
	*exchange = (struct exchange){.loop = loop, .request.arena = arena};
	list_push(&loop->exchanges, &exchange->node);
	return exchange;
}

/* Its memory is kept for the next one. */
static void give_back(struct exchange *exchange)
{
	struct loop *loop = exchange->loop;
	list_remove(&exchange->node);
	if (loop->spare_count == SPARE_EXCHANGES_MAX) {
		arena_release(&exchange->request.arena);
		free(exchange);
		return;
	}
	arena_clear(&exchange->request.arena);
	list_push(&loop->spare_exchanges, &exchange->node);
	loop->spare_count++;
}

static bool start_input(struct exchange *exchange, struct slice first)
{
	size_t capacity = first.length > INPUT_SIZE ? first.length : INPUT_SIZE;
	char *data = arena_allocate(&exchange->request.arena, capacity);
	if (data == NULL)
		return false;
	if (first.length > 0)
		memcpy(data, first.data, first.length);
	exchange->input = (struct exchange_input){.data = data, .end = first.length, .capacity = capacity, .holds_head = true};
	exchange->bytes_received = first.length;
	return true;
}

struct exchange *exchange_new(struct loop *loop, struct connection *connection, const struct ip_address *peer, struct slice first)
{
	assert(loop != NULL && connection != NULL);

	struct exchange *exchange = take_exchange(loop);
	if (exchange == NULL)
		return NULL;
	struct http_request *request = &exchange->request;
	request->arena.maximum = MEMORY_BASE;
	request->loop_index = loop->index;
	request->peer = *peer;
	request->client = *peer;
	request->received_ns = monotonic_now_ns();
	exchange->connection = connection;
	if (!start_input(exchange, first)) {
		exchange_free(exchange);
		return NULL;
	}
	return exchange;
}

static void release_response(struct exchange *exchange)
{
	struct http_response *response = &exchange->request.response;
	if (response->release != NULL)
		response->release(response->release_context);
	response->release = NULL;
}

void exchange_free(struct exchange *exchange)
{
	if (exchange == NULL)
		return;
	release_response(exchange);
	buffer_release(&exchange->body);
	if (exchange->charged > 0)
		body_budget_give(&exchange->loop->usage->bodies, exchange->charged);
	give_back(exchange);
}

/* A greater place for a head that does not fit; nothing points into it yet. */
static bool grow_head_input(struct exchange *exchange)
{
	struct exchange_input *input = &exchange->input;
	size_t greatest = exchange->loop->options->head_max + HEAD_MARGIN;
	size_t capacity = input->capacity * 2 < greatest ? input->capacity * 2 : greatest;
	assert(capacity > input->capacity);
	char *data = arena_allocate(&exchange->request.arena, capacity);
	if (data == NULL)
		return false;
	memcpy(data, input->data, input->end);
	input->data = data;
	input->capacity = capacity;
	return true;
}

bool exchange_make_room(struct exchange *exchange)
{
	struct exchange_input *input = &exchange->input;
	assert(input->end <= input->capacity);

	if (exchange->has_head && input->start == input->end && !input->holds_head) {
		input->start = 0;
		input->end = 0;
	}
	if (input->end < input->capacity)
		return true;
	if (!exchange->has_head)
		return grow_head_input(exchange);
	assert(input->start == input->end); /* the pieces of a body are used at once */
	char *data = arena_allocate(&exchange->request.arena, BODY_INPUT_SIZE);
	if (data == NULL)
		return false;
	*input = (struct exchange_input){.data = data, .capacity = BODY_INPUT_SIZE};
	return true;
}

static bool is_acceptable_id(struct slice id)
{
	for (size_t i = 0; i < id.length; i++) {
		char character = id.data[i];
		bool is_letter = (character | 0x20) >= 'a' && (character | 0x20) <= 'z';
		bool is_digit = character >= '0' && character <= '9';
		if (!is_letter && !is_digit && (character == '\0' || strchr("-._:+/=", character) == NULL))
			return false;
	}
	return id.length > 0 && id.length <= REQUEST_ID_LENGTH_MAX;
}

/* It may come in several fields; more of them than anybody sends are as bad as malformed ones. */
static void read_trace_state(struct http_request *request)
{
	struct slice fields[TRACE_STATE_FIELDS_MAX];
	char text[TRACE_STATE_LENGTH_MAX];
	size_t count = http_request_headers(request, SLICE("tracestate"), fields, TRACE_STATE_FIELDS_MAX);
	size_t length = count == 0 || count > TRACE_STATE_FIELDS_MAX ? 0 : trace_state_read(fields, count, text);
	request->trace_state =
		length == 0 ? (struct slice){0} : arena_copy(&request->arena, (struct slice){.data = text, .length = length});
}

/* A traceparent that is none begins a new trace, like a missing one. */
static void place_in_trace(struct exchange *exchange)
{
	struct http_request *request = &exchange->request;
	const struct trace_sampler *sampler = exchange->loop->options->sampler;
	struct slice parent_text;
	struct trace_context parent;
	bool is_one = http_request_headers(request, SLICE("traceparent"), &parent_text, 1) == 1;
	bool has_parent = is_one && trace_context_parse(parent_text, &parent);
	if (has_parent) {
		request->trace = trace_context_child(&parent, loop_random(exchange->loop));
		read_trace_state(request);
	} else {
		const uint64_t random[3] = {loop_random(exchange->loop), loop_random(exchange->loop), loop_random(exchange->loop)};
		request->trace = trace_context_root(random, TRACE_SAMPLED | TRACE_RANDOM_ID);
	}
	if (sampler != NULL)
		request->trace.flags = trace_sampler_flags(sampler, has_parent ? &parent : NULL, &request->trace);
}

/* Gives the request its id and its place in a trace. */
static void identify(struct exchange *exchange)
{
	struct http_request *request = &exchange->request;
	struct slice id = http_request_header(request, SLICE("x-request-id"));
	if (!is_acceptable_id(id)) {
		char text[UUID_TEXT_LENGTH + 1];
		struct uuid made = loop_uuid(exchange->loop);
		uuid_format(&made, text);
		id = arena_copy(&request->arena, slice_of(text));
	}
	request->id = id;
	place_in_trace(exchange);
}

/* Which limit of the server the request is over; NULL when it is none of them. */
static const char *describe_limit(struct exchange *exchange, enum error error)
{
	const struct http_server_options *options = exchange->loop->options;
	struct arena *arena = &exchange->request.arena;
	switch (error) {
	case ERR_REQUEST_TIMEOUT:
		if (!exchange->has_head)
			return arena_format(arena, "The head did not arrive within %u seconds.", options->head_timeout_ms / 1000).data;
		return arena_format(arena, "The body did not arrive within %u seconds.", options->body_timeout_ms / 1000).data;
	case ERR_URI_TOO_LONG:
		return arena_format(arena, "The request target may have %zu bytes.", options->target_max).data;
	case ERR_HEADERS_TOO_LARGE:
		return arena_format(arena, "The header fields may have %zu bytes.", options->head_max).data;
	default:
		return NULL;
	}
}

/* Reads the request line of a head that is refused for the lines behind it. */
static void read_line(struct exchange *exchange)
{
	struct slice method, target;
	struct slice arrived = {.data = exchange->input.data, .length = exchange->input.end};
	if (exchange->has_head || !exchange->scan.has_request_line)
		return;
	http_head_request_line(&exchange->scan, arrived, &method, &target);
	http_router_read_line(&exchange->request, method, target);
}

void exchange_refuse(struct exchange *exchange, struct http_refusal refusal)
{
	assert(refusal.error != OK);

	read_line(exchange);
	if (exchange->request.id.length == 0)
		identify(exchange);
	if (refusal.detail == NULL)
		refusal.detail = describe_limit(exchange, refusal.error);
	exchange->refusal = refusal;
	exchange->head.is_persistent = false;
	exchange->wants_continue = false;
}

/* Copies what outlives the parser into the request. */
static bool adopt_head(struct exchange *exchange)
{
	struct http_request *request = &exchange->request;
	const struct http_head *head = &exchange->head;
	size_t size = head->header_count * sizeof *head->headers;
	struct http_header *headers = arena_allocate(&request->arena, size);
	if (headers == NULL)
		return false;
	if (size > 0)
		memcpy(headers, head->headers, size);
	request->headers = headers;
	request->header_count = head->header_count;
	request->method_text = head->method;
	const struct cidr_list *trusted = exchange->loop->options->trusted_proxies;
	request->client = client_address(trusted, &request->peer, request->headers, request->header_count);
	identify(exchange);
	return true;
}

/* Whether the connection must not be used after the refusal: the target cannot be read, so that nobody knows what the client meant; the
 * body is too large, or its length unknown; or the client waits to hear whether its body is wanted. It depends on the head alone, not on
 * how much of the body came along. */
static bool ends_connection(const struct exchange *exchange)
{
	const struct http_head *head = &exchange->head;
	bool is_unreadable = exchange->refusal.error == ERR_BAD_REQUEST && exchange->request.allowed_methods == 0;
	return is_unreadable || exchange->wants_continue || head->framing == HTTP_BODY_CHUNKED || head->content_length > BODY_SKIPPED_MAX;
}

/* Finds out what the request is for, and whether its head is enough to refuse it. */
static void route_head(struct exchange *exchange)
{
	struct http_request *request = &exchange->request;
	const struct http_head *head = &exchange->head;
	bool has_body_to_come = head->framing != HTTP_BODY_NONE && exchange->input.start == exchange->input.end;
	exchange->wants_continue = head->expects_continue && has_body_to_come;
	exchange->refusal = http_router_resolve(exchange->loop->options->router, request, head->target);
	size_t body_max = http_route_body_max(request);
	if (exchange->refusal.error == OK && head->content_length > body_max)
		exchange->refusal = http_refuse(ERR_BODY_TOO_LARGE, NULL);
	if (exchange->refusal.error != OK && ends_connection(exchange))
		exchange_refuse(exchange, exchange->refusal);
	request->arena.maximum = MEMORY_BASE + MEMORY_FACTOR * body_max;
	bool is_shorter = head->framing == HTTP_BODY_LENGTH && head->content_length < body_max;
	buffer_init(&exchange->body, NULL, is_shorter ? (size_t)head->content_length : body_max);
}

/* True: the head is complete and acceptable. */
static bool take_head(struct exchange *exchange)
{
	struct exchange_input *input = &exchange->input;
	const struct http_head_limits limits = {.head_max = exchange->loop->options->head_max,
	                                        .target_max = exchange->loop->options->target_max};
	size_t end = 0;
	struct slice arrived = {.data = input->data, .length = input->end};
	struct http_refusal refusal = http_head_scan(&exchange->scan, arrived, &limits, &end);
	if (refusal.error == OK && end == 0)
		return false;
	struct http_header headers[HTTP_HEADERS_MAX];
	if (refusal.error == OK) {
		struct slice text = {.data = input->data + exchange->scan.start, .length = end - exchange->scan.start};
		refusal = http_head_parse(text, headers, &exchange->head);
	}
	if (refusal.error == OK && !adopt_head(exchange))
		refusal.error = ERR_NO_MEMORY;
	if (refusal.error != OK) {
		exchange_refuse(exchange, refusal);
		return false;
	}
	exchange->has_head = true;
	input->start = end;
	route_head(exchange);
	return true;
}

static bool charge(struct exchange *exchange, size_t bytes)
{
	bool is_granted = body_budget_take(&exchange->loop->usage->bodies, bytes);
	if (is_granted)
		exchange->charged += bytes;
	return is_granted;
}

static void refuse_for_memory(struct exchange *exchange)
{
	exchange_refuse(exchange, http_refuse(ERR_OVERLOADED, "The bodies of other requests take all memory that is meant for bodies."));
}

/* Makes the body's storage great enough for `length` more bytes, or for what is left up to its maximum. False: the request is refused. */
static bool reserve_body(struct exchange *exchange, size_t length)
{
	struct buffer *body = &exchange->body;
	size_t left = body->maximum - body->length;
	size_t needed = body->length + (length < left ? length : left);
	if (needed <= body->capacity)
		return true;
	size_t capacity = body->capacity > body->maximum / 2 ? body->maximum : body->capacity * 2;
	capacity = capacity < BODY_FIRST_SIZE ? BODY_FIRST_SIZE : capacity;
	capacity = capacity < needed ? needed : capacity;
	capacity = capacity < body->maximum ? capacity : body->maximum;
	if (!charge(exchange, capacity - body->capacity)) {
		refuse_for_memory(exchange);
		return false;
	}
	if (buffer_reserve(body, capacity - body->length) == NULL) {
		exchange_refuse(exchange, http_refuse(ERR_NO_MEMORY, NULL));
		return false;
	}
	return true;
}

/* True: the body is not to be waited for. The next input that exchange_make_room makes is paid for. */
static bool charge_input(struct exchange *exchange)
{
	const struct exchange_input *input = &exchange->input;
	bool needs_input = input->holds_head && input->end == input->capacity;
	if (!needs_input || charge(exchange, BODY_INPUT_SIZE))
		return false;
	refuse_for_memory(exchange);
	return true;
}

/* Throws away what has arrived of a body that nobody wants. */
static void skip_counted_body(struct exchange *exchange)
{
	struct exchange_input *input = &exchange->input;
	size_t available = input->end - input->start;
	size_t skipped = available < exchange->head.content_length ? available : (size_t)exchange->head.content_length;
	input->start += skipped;
	exchange->body_left = exchange->head.content_length - skipped;
}

/* True: the body is complete, or cannot be. */
static bool take_counted_body(struct exchange *exchange)
{
	struct exchange_input *input = &exchange->input;
	size_t available = input->end - input->start;
	size_t missing = (size_t)exchange->head.content_length - exchange->body.length;
	struct slice arrived = {.data = input->data + input->start, .length = available < missing ? available : missing};
	bool came_along = arrived.length == exchange->head.content_length;
	if (!came_along && !reserve_body(exchange, arrived.length))
		return true;
	input->start += arrived.length;
	if (!came_along)
		buffer_append_slice(&exchange->body, arrived);
	exchange->request.body = came_along ? arrived : buffer_slice(&exchange->body);
	return arrived.length == missing || charge_input(exchange);
}

/* The same. */
static bool take_chunked_body(struct exchange *exchange)
{
	struct exchange_input *input = &exchange->input;
	struct slice arrived = {.data = input->data + input->start, .length = input->end - input->start};
	if (!reserve_body(exchange, arrived.length))
		return true;
	size_t consumed = 0;
	struct http_refusal refusal = http_chunked_decode(&exchange->chunked, arrived, &exchange->body, &consumed);
	if (refusal.error != OK) {
		exchange_refuse(exchange, refusal);
		return true;
	}
	input->start += consumed;
	exchange->request.body = buffer_slice(&exchange->body);
	return exchange->chunked.state == CHUNKED_DONE || charge_input(exchange);
}

static bool is_complete(struct exchange *exchange)
{
	if (!exchange->has_head && !take_head(exchange))
		return exchange->refusal.error != OK;
	if (exchange->refusal.error != OK) {
		if (exchange->head.is_persistent)
			skip_counted_body(exchange);
		return true;
	}
	switch (exchange->head.framing) {
	case HTTP_BODY_LENGTH:
		return take_counted_body(exchange);
	case HTTP_BODY_CHUNKED:
		return take_chunked_body(exchange);
	case HTTP_BODY_NONE:
		break;
	}
	return true;
}

bool exchange_take(struct exchange *exchange)
{
	assert(exchange->request.response.status == 0);

	if (!is_complete(exchange))
		return false;
	/* A client whose network is slow waits for its own network until now. */
	exchange->request.deadline_ns = monotonic_now_ns() + exchange->loop->options->deadline_ms * UINT64_C(1000000);
	return true;
}

bool exchange_has_begun(const struct exchange *exchange)
{
	return exchange->scan.position > exchange->scan.start;
}

struct slice exchange_rest(const struct exchange *exchange)
{
	const struct exchange_input *input = &exchange->input;
	assert(input->start <= input->end);
	return (struct slice){.data = input->data + input->start, .length = input->end - input->start};
}

void exchange_finish(struct exchange *exchange, bool is_delivered)
{
	const struct http_request *request = &exchange->request;
	const struct http_server_options *options = exchange->loop->options;
	assert(request->response.status != 0);

	if (options->finished != NULL) {
		uint64_t ended_ns = exchange->begun_ns == 0 ? monotonic_now_ns() : exchange->begun_ns;
		assert(request->arrived_ns >= request->received_ns && ended_ns >= request->arrived_ns);
		const struct http_request_summary summary = {
			.route = request->route == NULL ? NULL : request->route->path,
			.method = request->method_text,
			.path = request->path,
			.is_operators_action = request->route != NULL && http_is_operators_action(request),
			.status = request->response.status,
			.error = request->response.error,
			.detail = request->response.detail,
			.stages = request->stages,
			.stage_count = request->stage_count,
			.is_delivered = is_delivered,
			.received_ns = request->received_ns,
			.duration_ns = ended_ns - request->received_ns,
			.served_ns = ended_ns - request->arrived_ns,
			.bytes_received = exchange->bytes_received - exchange_rest(exchange).length,
			.bytes_sent = exchange->bytes_sent,
			.id = request->id,
			.trace = &request->trace,
			.trace_state = request->trace_state,
			.user = request->user,
			.client = request->client,
			.is_encrypted = client_is_encrypted(options->trusted_proxies, &request->peer, options->tls != NULL,
		                                            request->headers, request->header_count),
		};
		options->finished(options->context, &summary);
	}
	exchange_free(exchange);
}

void exchanges_free(struct loop *loop)
{
	if (loop->reactor == NULL)
		return; /* the server was never started */
	while (!list_is_empty(&loop->exchanges))
		exchange_free(container_of(loop->exchanges.head.next, struct exchange, node));
	struct list_node *node;
	while ((node = list_pop(&loop->spare_exchanges)) != NULL) {
		struct exchange *exchange = container_of(node, struct exchange, node);
		arena_release(&exchange->request.arena);
		free(exchange);
	}
}
