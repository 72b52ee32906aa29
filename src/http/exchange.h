/* exchange.h: one request and its answer, with the buffers to receive the one and send the other. Internal to http/.
 *
 * An exchange takes its bytes as they arrive: exchange_make_room makes space for the next ones, exchange_take reads them into the
 * request. It belongs to its connection; while it is suspended also to the thread that will complete it, so it may outlive the
 * connection. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/request.h"

struct connection;
struct loop;

/* Bytes that have arrived; those before `start` have been used. */
struct exchange_input {
	char *data;
	size_t start, end, capacity;
	bool holds_head; /* to which the request's headers point */
};

struct exchange {
	struct http_request request;
	struct loop *loop;
	struct connection *connection; /* NULL: closed while the request was suspended */
	struct list_node node;         /* on the loop's list of exchanges */
	struct list_node completion;   /* on the loop's list of completed ones */

	struct exchange_input input;
	struct http_head_scan scan;
	struct http_head head;
	bool has_head;
	bool wants_continue; /* the client waits for 100 (Continue); cleared when that is sent */
	bool is_suspended;
	struct http_chunked chunked;
	struct buffer body;          /* on the heap; unused when the whole body came along with the head */
	uint64_t charged;            /* bytes of the loop's budget for bodies */
	uint64_t body_left;          /* bytes of a refused body that have not arrived; they are read and thrown away */
	struct http_refusal refusal; /* if set, the answer to the request in place of its handler's */
	uint64_t bytes_received;     /* with those of the next request that came along */
	uint64_t bytes_sent;
	uint64_t begun_ns; /* of a streamed answer: when its beginning was sent; 0: not yet, or it is not streamed */
};

/* Of a connection of the loop. first: bytes that have arrived already. NULL: out of memory. */
must_check struct exchange *exchange_new(struct loop *loop, struct connection *connection, const struct ip_address *peer,
                                         struct slice first);
/* Takes NULL. The response's body is given back. */
void exchange_free(struct exchange *exchange);

/* Makes exchange->input.capacity greater than .end. False: out of memory. */
must_check bool exchange_make_room(struct exchange *exchange);
/* Reads the bytes that were put into the input. True: the request can be answered, because it is complete, or because of its refusal, for
 * which the body is not waited. */
must_check bool exchange_take(struct exchange *exchange);
/* Ends the request without the bytes that have not arrived, so that it can be answered; the connection cannot be used again after the
 * answer. */
void exchange_refuse(struct exchange *exchange, struct http_refusal refusal);
/* Whether anything of a request has arrived. */
bool exchange_has_begun(const struct exchange *exchange);
/* Bytes behind the request, which are the next one's. */
struct slice exchange_rest(const struct exchange *exchange);

/* Reports to the observers what became of it, and frees it. */
void exchange_finish(struct exchange *exchange, bool is_delivered);

/* Frees all exchanges of a loop that has ended, those it keeps for the next ones too. */
void exchanges_free(struct loop *loop);
