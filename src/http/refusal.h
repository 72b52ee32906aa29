/* refusal.h: explains a refusal with the facts of this very request. */
#pragma once

#include "http/call.h"

/* Makes the problem of the job's outcome, which is no success, the answer. */
void refusal_respond(struct call *call);
