/* fuzz_http.c: a connection's bytes from head to answer, without a socket: all bytes are a request or are refused, and the answers are
 * the same in whatever pieces they arrive. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/usage.h"
#include "http/connection.h"
#include "http/exchange.h"
#include "http/response_head.h"
#include "http/router.h"
#include "http/server.h"

#define ANSWERS_MAX 64
/* Limits that inputs of 4096 bytes, libFuzzer's greatest by itself, can pass; the head's is more than an exchange has room for at first. */
#define TARGET_MAX 512
#define BODY_MAX 1024
#define HEAD_MAX 2560

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum http_progress echo(struct http_request *request)
{
	struct slice q;
	if (http_request_query(request, SLICE("q"), &q) != OK)
		http_respond(request, 400, NULL, (struct slice){0});
	else
		http_respond(request, 200, "text/plain", request->body.length > 0 ? request->body : q);
	request->response.etag = SLICE("\"0123456789abcdef\"");
	return HTTP_ANSWERED;
}

static const char *const parameters[] = {"q", NULL};

static const struct http_route routes[] = {
	{.method = HTTP_GET, .path = "/", .parameters = parameters, .handle = echo},
	{.method = HTTP_GET, .path = "/a/{id}/b", .handle = echo},
	{.method = HTTP_POST, .path = "/a", .takes_json = true, .body_max = BODY_MAX, .handle = echo},
	{.method = HTTP_DELETE, .path = "/a/{id}", .handle = echo},
};

struct answers {
	uint32_t count;
	struct {
		uint64_t status;
		uint64_t is_persistent;
		uint64_t body_length; /* of a success: the reasons of refusals may differ */
	} list[ANSWERS_MAX];
};

static void check_answer(struct exchange *exchange)
{
	struct http_request *request = &exchange->request;
	const struct http_delivery delivery = {.is_persistent = exchange->head.is_persistent, .date = SLICE("now")};
	struct buffer head;
	buffer_init(&head, NULL, 16384);
	http_response_write_head(request, &delivery, &head);
	assert(!head.failed);
	assert(memcmp(head.data, "HTTP/1.1 ", 9) == 0 && memcmp(head.data + head.length - 4, "\r\n\r\n", 4) == 0);
	assert(request->response.header_count < HTTP_RESPONSE_HEADERS_MAX && request->id.length > 0);
	buffer_release(&head);
}

static void note_answer(struct exchange *exchange, struct answers *answers)
{
	check_answer(exchange);
	const struct http_response *response = &exchange->request.response;
	answers->list[answers->count].status = response->status;
	answers->list[answers->count].is_persistent = exchange->head.is_persistent;
	answers->list[answers->count].body_length = response->status == 200 ? response->body.length : 0;
	answers->count++;
}

/* Gives the exchange up to `step` of what is left. */
static void arrive(struct exchange *exchange, struct slice *left, size_t step)
{
	if (!exchange_make_room(exchange))
		abort();
	struct exchange_input *input = &exchange->input;
	size_t length = input->capacity - input->end;
	length = length < step ? length : step;
	length = length < left->length ? length : left->length;
	memcpy(input->data + input->end, left->data, length);
	input->end += length;
	left->data += length;
	left->length -= length;
}

/* Runs the exchanges of a connection. */
static void converse(struct connection *connection, struct slice left, size_t step, struct answers *answers)
{
	struct exchange *exchange = exchange_new(connection->loop, connection, &connection->peer, (struct slice){0});
	bool is_open = true;
	while (is_open && exchange != NULL && answers->count < ANSWERS_MAX) {
		if (!exchange_take(exchange)) {
			is_open = left.length > 0;
			if (is_open)
				arrive(exchange, &left, step);
			continue;
		}
		assert(http_router_dispatch(connection->loop->options->router, &exchange->request, exchange->refusal) == HTTP_ANSWERED);
		note_answer(exchange, answers);
		is_open = exchange->head.is_persistent;
		size_t skipped = exchange->body_left < left.length ? (size_t)exchange->body_left : left.length;
		left.data += skipped;
		left.length -= skipped;
		struct exchange *next = exchange_new(connection->loop, connection, &connection->peer, exchange_rest(exchange));
		exchange_free(exchange);
		exchange = next;
	}
	exchange_free(exchange);
}

/* may_expect: a client that waits to hear whether its body is wanted is told no at once and loses its connection; when the body has come
 * along nobody waits, and it is kept. */
static void check_same(const struct answers *whole, const struct answers *bytewise, bool may_expect)
{
	assert(may_expect || whole->count == bytewise->count);
	for (uint32_t i = 0; i < whole->count && i < bytewise->count; i++) {
		assert(whole->list[i].status == bytewise->list[i].status);
		assert(whole->list[i].body_length == bytewise->list[i].body_length);
		assert(may_expect || whole->list[i].is_persistent == bytewise->list[i].is_persistent);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cors_origins nobody;
	static const struct cidr_list untrusted;
	static const struct http_router router = {.routes = routes, .route_count = ARRAY_LENGTH(routes), .cors = &nobody};
	struct http_server_options options = http_server_defaults();
	options.router = &router;
	options.trusted_proxies = &untrusted;
	options.head_max = HEAD_MAX;
	options.target_max = TARGET_MAX;
	static struct loop loop;
	static struct usage usage;
	usage.bodies.maximum = options.body_memory_max;
	loop.options = &options;
	loop.usage = &usage;
	loop.random_used = RANDOM_POOL_SIZE;
	list_init(&loop.exchanges);
	if (loop.spare_exchanges.head.next == NULL)
		list_init(&loop.spare_exchanges);
	struct connection connection = {.loop = &loop};

	struct slice text = {.data = (const char *)data, .length = size};
	struct answers whole = {0}, bytewise = {0};
	converse(&connection, text, SIZE_MAX, &whole);
	converse(&connection, text, 1, &bytewise);
	assert(list_is_empty(&loop.exchanges) && usage.bodies.used == 0);
	check_same(&whole, &bytewise, memmem(data, size, "100-", 4) != NULL);
	return 0;
}
