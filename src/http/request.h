/* request.h: one HTTP request from its head to its answer, as handlers see it.
 *
 * A handler runs on the request's event loop and must not block. It either fills the response and answers HTTP_ANSWERED, or keeps the
 * request, answers HTTP_SUSPENDED, and has http_request_complete called once, from any thread; then `resume` runs on the loop.
 * A request stays valid until it is answered, also when its client has gone meanwhile. Its memory is the arena, freed in one go. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/cidr.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/trace_context.h"
#include "http/head.h"
#include "http/response.h"

#define HTTP_PARAMETERS_MAX 2
#define HTTP_QUERY_VIOLATIONS_MAX 8 /* listed in the answer; further ones are not */

#define HTTP_STAGES_MAX 3

/* A part of the way of a request, for its line in the log. */
struct http_stage {
	const char *field; /* static: the name of the log's field, such as "commit_ms" */
	uint64_t duration_ns;
};

struct http_request;
struct http_route;

enum http_progress {
	HTTP_ANSWERED,
	HTTP_SUSPENDED,
};

typedef enum http_progress (*http_handler)(struct http_request *request);

/* Bits, so that a path's methods are a set. HEAD is served by the routes of GET. */
enum http_method {
	HTTP_METHOD_OTHER = 0,
	HTTP_GET = 1,
	HTTP_HEAD = 2,
	HTTP_POST = 4,
	HTTP_DELETE = 8,
	HTTP_OPTIONS = 16,
};

/* A parameter of the query that is refused, and the reason, a phrase behind its name: "must be a UUID". */
struct http_query_violation {
	struct slice parameter;
	struct slice detail;
};

struct http_request {
	struct arena arena;
	void *context;       /* the router's, for handlers */
	uint32_t loop_index; /* the number of the event loop, for parts that each loop has */

	enum http_method method;
	struct slice method_text;
	struct slice path;  /* percent-decoded, without empty, "." or ".." segments; as sent when the request was refused for it */
	struct slice query; /* as sent, without the question mark */
	struct http_query_violation *query_violations; /* in the arena; a problem lists them. NULL: none */
	uint32_t query_violation_count;
	const struct http_route *route;               /* NULL: no route has this path and method */
	struct slice parameters[HTTP_PARAMETERS_MAX]; /* the values of the {…} of the route's path, in order */
	uint32_t allowed_methods;                     /* enum http_method: those of the path's routes; 0 when there is no such path */
	bool is_rate_limit_exempt;                    /* the path's routes are */
	const struct http_header *headers;
	uint32_t header_count;
	struct slice body; /* complete; empty in an `authenticate` hook, which runs before it arrives */

	struct ip_address peer;     /* the other end of the connection */
	struct ip_address client;   /* the same, or the client that a trusted proxy names */
	struct slice id;            /* X-Request-Id: the client's own when it is acceptable */
	struct trace_context trace; /* a span of this request's own, in the client's span or at the root of a new trace */
	struct slice trace_state;   /* the client's tracestate, fit to be handed on; empty: none, or the trace begins here */
	uint64_t received_ns;       /* at the first byte; monotonic clock */
	uint64_t arrived_ns;        /* when its last byte had come, or it was refused before; same clock */
	uint64_t deadline_ns;       /* the end of its waiting in queues, some time after it was complete; same clock */

	/* Filled in by the `authenticate` hook. */
	struct slice user; /* the caller; empty: nobody in particular */
	uint32_t scopes;   /* the caller's further rights */

	/* The handler's own. */
	void *state;
	http_handler resume; /* set before the request is suspended; may suspend it again */
	struct http_stage stages[HTTP_STAGES_MAX];
	uint32_t stage_count;
	struct http_response response;
};

/* Ends a suspension. Safe from any thread, also before the handler has returned; never blocks. Many in a row wake their loop once. */
void http_request_complete(struct http_request *request);

/* The value of the first header field of that name; data is NULL when there is none. */
struct slice http_request_header(const struct http_request *request, struct slice name);
/* Puts the values of all headers of that name into ret_values, in their order, as far as there is room; answers how many there are. */
size_t http_request_headers(const struct http_request *request, struct slice name, struct slice *ret_values, size_t room);

/* A parameter of the query, percent-decoded, '+' as a blank; data is NULL when it is not there. ERR_BAD_REQUEST, with the violation, when
 * it is there more than once or its encoding is broken; ERR_NO_MEMORY. */
must_check enum error http_request_query(struct http_request *request, struct slice name, struct slice *ret_value);
/* Checks that the query has no parameters but these, a list that ends with NULL; `names` may be NULL. ERR_BAD_REQUEST, with a violation
 * for each that is unknown. */
must_check enum error http_request_query_check(struct http_request *request, const char *const *names);
/* Notes a violation. name: borrowed like the query; detail: static or in the arena. Answers ERR_BAD_REQUEST, or ERR_NO_MEMORY. */
must_check enum error http_request_query_violation(struct http_request *request, struct slice name, struct slice detail);

/* Gives the request's answer its status and content; headers added so far stay. A content_type of NULL: no content, whatever `body`
 * says. */
void http_respond(struct http_request *request, uint16_t status, const char *content_type, struct slice body);
