/* media_type.h: chooses between two media types by the client's Accept (RFC 9110, 12.5.1). */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "http/request.h"

/* True if the client names `other` with at least the weight of `usual`: a client that names neither is sent `usual`. Ignores parameters
 * of the types. */
must_check bool media_type_prefers(const struct http_request *request, struct slice other, struct slice usual);
