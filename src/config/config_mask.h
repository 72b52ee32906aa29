/* config_mask.h: hides the secret parts of a value. Private to config. */
#pragma once

#include "base/buffer.h"
#include "base/slice.h"
#include "config/config_keys.h"

/* Appends the text on one line, cut when it is long: control characters as \n or \x07. */
void config_escaped_append(struct buffer *buffer, struct slice text);
/* The same of a value. Of a secret and of a PEM nothing shows, of a URL the scheme and the path: not its authority, which may
 * have a password, nor its query. A DSN of keywords, and what is no URL where there should be one, is masked whole; addresses of Redis
 * show. */
void config_shown_append(struct buffer *buffer, const struct config_key *key, struct slice text);
