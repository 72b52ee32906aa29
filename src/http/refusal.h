/* refusal.h: why a request was refused, told with the facts of this very request. */
#pragma once

#include "http/call.h"

/* Makes the problem of the job's outcome, which is no success, the answer. */
void refusal_respond(struct call *call);
