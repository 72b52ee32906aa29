/* rate_headers.h: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers). */
#pragma once

#include "http/request.h"
#include "ports/admission.h"

/* Adds both for the windows that limited this request; none when there is none. */
void rate_headers_add(struct http_request *request, const struct admission_request *admission);
