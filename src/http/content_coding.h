/* content_coding.h: which codings of an answer's content a client takes (RFC 9110, section 12.5.3). */
#pragma once

#include <stdbool.h>

#include "http/request.h"

/* Whether gzip is named in Accept-Encoding, or everything is, and not with a weight of 0. */
bool content_coding_accepts_gzip(const struct http_request *request);
