/* config_file.h: values that stand in a file, so that no process list and no environment shows them. Private to config. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "config/config_keys.h"

#define CONFIG_FILE_SUFFIX "_FILE"
#define CONFIG_FILE_MAX 65536 /* bytes */

/* Whether NAME_FILE may say where the value stands: for secrets, and for URLs and DSNs, which may have a password. */
bool config_file_is_allowed(const struct config_key *key);

/* The text of a file without the line feed at its end. Text and message live in the arena. The message calls the file by `name`. False:
 * *ret_message is one line with both; an empty file is refused, too. */
must_check bool config_file_text(const char *name, const char *path, struct arena *arena, const char **ret_text, const char **ret_message);

/* The same of the file of a setting. A path without a slash is that of a credential: a file in `credentials`, the folder that
 * systemd names in CREDENTIALS_DIRECTORY; NULL: there is none, and the path is relative as others are. Text and message live in the arena.
 * False: *ret_message is one line with the setting and the path. */
must_check bool config_file_read(const struct config_key *key, const char *path, const char *credentials, struct arena *arena,
                                 const char **ret_text, const char **ret_message);
