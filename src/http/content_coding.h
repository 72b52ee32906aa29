/* content_coding.h: reads the content codings that a client accepts (RFC 9110, section 12.5.3). */
#pragma once

#include <stdbool.h>

#include "http/request.h"

/* True if Accept-Encoding names gzip or "*" with a weight above 0. */
bool content_coding_accepts_gzip(const struct http_request *request);
