/* operator_event.h: putting an event on sale from the command line and for the demo. */
#pragma once

#include "base/slice.h"
#include "base/uuid.h"
#include "runtime/operator_session.h"

/* name: the body's name in complaints. Answers an exit code, with the complaint made. */
int operator_event_create(struct operator_session *session, const char *name, struct slice body, struct uuid *ret_event_id);
