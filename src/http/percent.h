/* percent.h: percent-encoding in request targets (RFC 3986, section 2.1), undone strictly. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

enum percent_part {
	PERCENT_PATH,  /* an encoded slash is refused: it would be another path */
	PERCENT_QUERY, /* '+' is a blank */
};

/* The text itself when there is nothing to undo, else a copy. ERR_BAD_REQUEST for a broken encoding or an encoded control character;
 * ERR_NO_MEMORY. */
must_check enum error percent_decode(struct arena *arena, struct slice text, enum percent_part part, struct slice *ret_text);
