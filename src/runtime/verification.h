/* verification.h: is a store what its events say? For `tro verify`, and for copies of an embedded store. */
#pragma once

#include "runtime/adapters.h"
#include "runtime/commands.h"

/* adapters: opened to look. Prints each difference and a line with the counts on stdout. Answers an exit code, with the complaint made when it
 * could not be done. */
int verification_run(const struct invocation *invocation, struct adapters *adapters);
