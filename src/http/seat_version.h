/* seat_version.h: the version of a seat map in a request. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "http/request.h"

/* ?since=, as sent; data is NULL when it is not there. ERR_BAD_REQUEST, with the violation; ERR_NO_MEMORY. */
must_check enum error seat_version_query(struct http_request *request, struct slice *ret_text);
/* A version that is none of ours is one that is not known. */
uint64_t seat_version_parse(struct slice text);
