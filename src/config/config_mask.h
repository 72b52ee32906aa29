/* config_mask.h: what may be shown of a value. Private to config. */
#pragma once

#include "base/buffer.h"
#include "base/slice.h"
#include "config/config_keys.h"

/* Appends the text on one line, cut when it is long. Of a secret nothing shows; of a URL or DSN neither the password of its user part
 * nor a value whose name speaks of a password, secret or token (?password=…, sslpassword='…'). The text may be malformed: when in
 * doubt, more is masked. */
void config_shown_append(struct buffer *buffer, const struct config_key *key, struct slice text);
