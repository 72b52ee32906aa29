/* http_client.h: one call from a command to a running server. */
#pragma once

#include <curl/curl.h>

#include "base/attributes.h"
#include "base/slice.h"

#define HTTP_ANSWER_MAX (4 * 1024 * 1024) /* bytes of a body */

struct http_answer {
	long status;
	char *body; /* ends with NUL; the caller frees it */
};

/* POSTs the body, or GETs when its data is NULL. trusted: the path of the one certificate, in PEM, that the server
 * must have, whatever name is in it; NULL: one for its name that the system trusts. headers: NULL for none. Answers EXIT_DONE with
 * *ret_answer set, whatever its status, or another exit code when no answer came within timeout_s, or one larger than HTTP_ANSWER_MAX, with
 * the complaint made. */
must_check int http_call(const char *url, const char *trusted, const struct curl_slist *headers, struct slice body, long timeout_s,
                         struct http_answer *ret_answer);
