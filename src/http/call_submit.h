/* call_submit.h: a call on its way through the service and back.
 *
 * What is refused goes the same way, so that it counts against the rate limits too. The answer is rendered on the request's loop. */
#pragma once

#include "http/call.h"
#include "http/head.h"

/* Each hands the request over; the handler returns what they return. */
enum http_progress call_submit(struct call *call);
enum http_progress call_refuse(struct call *call, enum error error);
/* The router's hook for requests that no handler sees. */
enum http_progress call_refuse_request(struct http_request *request, struct http_refusal refusal);
