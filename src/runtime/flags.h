/* flags.h: the flags of one subcommand: --name VALUE, --name=VALUE, or --name alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/commands.h"

struct flag {
	const char *name;   /* "--user" */
	const char **value; /* set to its value; or … */
	bool *is_given;     /* … set when it stands there, for a flag without a value */
};

/* Reads flags and up to `argument_count` arguments, in any order; behind "--" there are only arguments. The target of an absent flag keeps
 * its value. Answers EXIT_DONE, or EXIT_WRONG_USAGE with the complaint made. */
int flags_read(const char *command, const struct invocation *invocation, const struct flag *flags, uint32_t flag_count,
               const char **arguments, uint32_t argument_count);
