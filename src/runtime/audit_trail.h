/* audit_trail.h: the audit's records of operators' commands. */
#pragma once

#include <stdint.h>

#include "config/config.h"
#include "ports/audit.h"

#define OPERATOR_PLACE_MAX 100

/* "uid 1000 at host": the origin of a command. Static. */
struct slice operator_place(void);

/* The record of a command and its exit code. Borrows. target: may be empty. */
struct audit_record audit_trail_record(struct slice action, struct slice target, int code);
/* Records the command in the store of the configuration. Answers its code; EXIT_FAILED, with a complaint, if it could not be recorded. */
int audit_trail_write(const struct config *config, struct slice action, struct slice target, int code);
/* The same in a file of the embedded store. */
int audit_trail_write_at(const char *path, struct slice action, struct slice target, int code);
