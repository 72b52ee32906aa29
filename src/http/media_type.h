/* media_type.h: which of two media types a client likes better, by its Accept (RFC 9110, 12.5.1). */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "http/request.h"

/* Whether the client asks for `other` by its name, and gives it as much weight as `usual` or more: who does not say is sent the usual. Parameters of
 * the types are not looked at. */
must_check bool media_type_prefers(const struct http_request *request, struct slice other, struct slice usual);
