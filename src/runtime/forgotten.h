/* forgotten.h: the file `forgotten` in DATA_DIR: the records of forgotten users, for stores that are restored later. It has random ids
 * and no users' names.
 *
 * Entries are lines: "forget ID TIME", then "stream ID", "act ID" and "audit ID" for each trace (ports/privacy.h), then "end". One
 * without its end was never committed. Only ever appended to. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "config/config.h"
#include "ports/privacy.h"

/* Appends an entry, durably; makes the file. False, with a complaint. */
must_check bool forgotten_keep(const char *data_dir, const struct uuid *id, const struct privacy_traces *traces);
/* Says on stderr that the scrub waits; for `waits` of struct privacy. */
void forgotten_waits(uint32_t wait_max_ms);
/* Forgets the entries again that the store still has, and then scrubs the store. Answers an exit code, with the complaint made;
 * *ret_count: the entries that the store had. */
int forgotten_apply(const char *data_dir, struct privacy *privacy, uint32_t *ret_count);
/* The same for the embedded store of a server that starts, if it is there. */
int forgotten_at_start(const struct config *config);
