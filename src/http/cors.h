/* cors.h: lets pages of other origins use the API from a browser (Fetch, section 3.2). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/request.h"

#define CORS_ORIGINS_MAX 32

struct cors_origins {
	struct slice origins[CORS_ORIGINS_MAX]; /* borrowed; each exactly as a browser sends it */
	uint32_t count;
};

/* Adds the header fields for browsers, if any origins are allowed. */
void cors_answer(const struct cors_origins *origins, struct http_request *request);
/* Whether the request is a preflight, which is answered for the browser and not for its page. */
bool cors_is_preflight(const struct http_request *request);
/* Adds the further fields of the answer to a preflight. allow: the path's methods as in Allow. */
void cors_answer_preflight(const struct cors_origins *origins, struct http_request *request, struct slice allow);
