/* config_env_file.h: settings from a file with lines such as HOLD_TTL=5m, which systemd gives to the units as EnvironmentFile. Private to
 * config. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "config/config.h"

/* Takes --env-file FILE, the last of several, out of *argc and argv where it stands before "--", and puts the settings of the file behind
 * those of the environment, which win. Lines that are empty or begin with # or ; are skipped; a value may be in quotes, single or double,
 * and a backslash in double ones takes the next byte as it is. *ret_environment, its texts and the message live in the arena; without the
 * flag it is `environment`. CONFIG_WRONG_USAGE: the flag lacks its value; CONFIG_BAD_VALUE: the file cannot be read, or *ret_message names
 * the line that is none of these. */
must_check enum config_result config_env_file_take(int *argc, char **argv, char *const *environment, struct arena *arena,
                                                   char *const **ret_environment, const char **ret_message);
