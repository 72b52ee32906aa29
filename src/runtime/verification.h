/* verification.h: compares a store with its events, for `tro verify` and for copies of an embedded store. */
#pragma once

#include "runtime/adapters.h"
#include "runtime/commands.h"

/* adapters: opened to look. Prints each difference and a line with the counts on stdout. Answers an exit code, with the complaint made when
 * it could not be done. *ret_is_done, unless it is NULL: whether it could, so that a failure is the store's fault. */
int verification_run(const struct invocation *invocation, struct adapters *adapters, bool *ret_is_done);

/* The same for the copy of an embedded store, which it opens. done: "backed up" or "restored", for the
 * complaint that `store` was not. */
int verification_run_copy(const struct invocation *invocation, const char *copy, const char *store, const char *done);
