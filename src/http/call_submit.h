/* call_submit.h: a call on its way through the service and back.
 *
 * A refused request goes the same way, so that it counts against the rate limits too. The answer is rendered on the request's loop. */
#pragma once

#include "http/call.h"
#include "http/head.h"

/* Each hands the request over; the handler returns what they return. */
enum http_progress call_submit(struct call *call);
enum http_progress call_refuse(struct call *call, enum error error);
/* Only asks whether the request is within its limits; then `admitted` answers it. */
enum http_progress call_admit(struct call *call, enum http_progress (*admitted)(struct call *call));
/* For a call that was admitted: hands its query over, adds the headers that tell of the limits, or refuses it. */
enum http_progress call_submit_admitted(struct call *call);
void call_add_headers(struct call *call);
enum http_progress call_refuse_admitted(struct call *call, enum error error);
/* The router's hook for requests that no handler sees. */
enum http_progress call_refuse_request(struct http_request *request, struct http_refusal refusal);
