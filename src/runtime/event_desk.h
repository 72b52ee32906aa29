/* event_desk.h: putting an event on sale from the command line and for the demo. */
#pragma once

#include "base/slice.h"
#include "base/uuid.h"
#include "runtime/desk.h"

/* name: how complaints call the body. Answers an exit code, with the complaint made. */
int event_desk_create(struct desk *desk, const char *name, struct slice body, struct uuid *ret_event_id);
