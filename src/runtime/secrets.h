/* secrets.h: the secrets of an embedded server: invented once, kept in DATA_DIR/secrets with mode 0600, so that the server, `tro token`,
 * `tro pay` and `tro bench` on one data directory agree without any configuration. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "config/config.h"
#include "runtime/commands.h"

/* Fills in the secrets that the configuration leaves out, from the file; makes the directory (0700) and the file when they are not there
 * and `may_create`. ERR_NOT_FOUND: there is no file and it may not be made; ERR_CORRUPT: the file is not one of ours;
 * ERR_SYSTEM with errno. Texts live in the arena. */
must_check enum error secrets_fill(struct config *config, bool may_create, struct arena *arena);

/* For a command that signs something: fills them in from what is there. Answers an exit code, with the complaint made. */
int secrets_need(const struct invocation *invocation);
