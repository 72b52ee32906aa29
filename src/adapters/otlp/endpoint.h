/* endpoint.h: the address that spans are sent to, and the header fields that go along. Private to the OTLP adapter. */
#pragma once

#include <curl/curl.h>

#include "adapters/otlp/otlp.h"

/* The URL of requests, to be freed with curl_free. ERR_VALIDATION with a message: the endpoint is none; ERR_NO_MEMORY. */
must_check enum error otlp_url(const char *endpoint, enum otlp_protocol protocol, char **ret_url, char message[static OTLP_MESSAGE_MAX]);
/* The fields that the protocol asks for and those of the options, to be freed with curl_slist_free_all. ERR_VALIDATION with a message that
 * names no value; ERR_NO_MEMORY. */
must_check enum error otlp_headers(const struct otlp_options *options, struct curl_slist **ret_headers,
                                   char message[static OTLP_MESSAGE_MAX]);
