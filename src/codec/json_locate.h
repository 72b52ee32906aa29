/* json_locate.h: finds the value in a text that a JSON Pointer (RFC 6901) names. */
#pragma once

#include <stddef.h>

#include "base/slice.h"
#include "codec/json_reader.h"

/* The value of `body` that the pointer names, or as much of the way to it as is there: of a member that is missing, its object. */
struct json_value json_locate(struct json_value body, struct slice pointer);
