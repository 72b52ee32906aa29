/* call.h: one request's way through the service and back, shared by the handlers of holds, orders, payments and events.
 *
 * A handler begins a call, fills in its command or query, and hands it over (call_submit.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"
#include "codec/json_fields.h"
#include "http/request.h"

struct call {
	struct job job;
	struct http_request *request;
	uint16_t status;                           /* of success */
	const char *location;                      /* static prefix of the Location header: "/v1/holds/"; NULL: none */
	const char *cache_control;                 /* static; NULL: no-store. When set, the answer has an ETag */
	struct slice (*render)(struct call *call); /* makes the body of a success; data NULL: out of memory. NULL: the outcome has it */
	/* Answers the request that call_admit has let go on; as a handler. */
	enum http_progress (*admitted)(struct call *call);
	void *context;                     /* the handler's own */
	const char *detail;                /* of a refusal by the handler; static or in the arena; NULL: none */
	struct json_violations violations; /* of the body or the query */
};

/* NULL: out of memory, and the request is answered. */
must_check struct call *call_begin(struct http_request *request, uint16_t success_status);
/* Makes it a command of the request's user. */
struct command *call_command(struct call *call, enum command_kind kind);
/* Makes it a query of the request's user. */
struct query *call_query(struct call *call, enum query_kind kind);

/* Reads the Idempotency-Key header into the command. ERR_IDEMPOTENCY_KEY_MISSING, ERR_IDEMPOTENCY_KEY_INVALID. */
must_check enum error call_read_key(struct call *call);
/* The same for requests that may have no key. ERR_IDEMPOTENCY_KEY_INVALID. */
must_check enum error call_read_optional_key(struct call *call);
/* The first parameter of the path as a UUID. False: it is none, so nothing of that id exists. */
must_check bool call_read_id(const struct call *call, struct uuid *ret_id);
/* A fresh id of the shard. */
struct uuid call_draw_id(const struct call *call, uint8_t shard);
/* Reads whose holds and orders the request asks for: ?user_id= may repeat the token's subject. Another user, or all users, need
 * tro:service or tro:admin, or, if nothing is changed, tro:read. ERR_USER_MISMATCH, ERR_BAD_REQUEST, ERR_NO_MEMORY. */
must_check enum error call_read_owner(struct call *call);
/* The request names a thing by its id: a caller with access to everybody's has access to this one. */
void call_reach_all(struct call *call);
/* Sets the user of the command: user_id of the body (data NULL: not given) may repeat the token's subject; another user needs the scope
 * tro:service. ERR_USER_MISMATCH. */
must_check enum error call_act_for(struct call *call, struct slice user_id);
