/* config_value.h: one value's text into its type, and back for people. Private to config. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "config/config_keys.h"

/* text: terminated, not empty; values may point into it, lists into the arena. False, with nothing written, when it is not acceptable. */
must_check bool config_value_parse(const struct config_key *key, struct slice text, struct arena *arena, void *target);
/* Acceptable values, as the end of "it must be": "a whole number from 1 to 64". */
void config_accepted_write(struct buffer *buffer, const struct config_key *key);
/* The form of a value in --help: "HOST:PORT". */
const char *config_placeholder(enum config_kind kind);
