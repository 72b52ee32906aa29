/* problem.h: every error answer: application/problem+json (RFC 9457), made of a row of the error table.
 *
 *   {"type", "title", "status", "detail", "instance", "trace_id", and with some: "errors": [{"pointer", "detail"}], "seats": [...]}
 *
 * Violations of the query are listed without a pointer: "errors": [{"parameter", "detail"}].
 *
 * `instance` is the path as a URI reference; of a request whose path could not be read it is "/". */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "http/request.h"

struct problem_field {
	struct slice pointer; /* JSON Pointer into the body: "/seats/2"; empty: the whole */
	const char *detail;   /* its fault */
};

struct problem {
	enum error error;    /* not OK; internal errors (ERR_NO_MEMORY, ERR_CORRUPT, …) are shown as ERR_INTERNAL, without detail */
	struct slice detail; /* for people; of this request */
	const struct problem_field *fields;
	uint32_t field_count;
	const struct slice *seats; /* ERR_SEATS_TAKEN: those that were lost */
	uint32_t seat_count;
	uint64_t retry_after_ms; /* 0: a second, where a retry makes sense */
};

/* Makes it the answer, with the headers that go with it: Retry-After for 429, 503 and a busy idempotency key, WWW-Authenticate for 401 and
 * 403. */
void problem_respond(struct http_request *request, const struct problem *problem);
/* The same for an error and a sentence. detail: static or as long-lived as the request; NULL: none. */
void problem_answer(struct http_request *request, enum error error, const char *detail);
