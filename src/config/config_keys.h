/* config_keys.h: the one table of settings. A new key is a row here and a member of struct config. Private to config. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum config_kind {
	CONFIG_ADDRESS,   /* struct config_address */
	CONFIG_ADDRESSES, /* struct cidr_list */
	CONFIG_CHOICE,    /* const char *: one of the words in `schemes` */
	CONFIG_DSN,       /* const char *: a URL, or keywords and values as libpq reads them */
	CONFIG_DURATION,  /* uint64_t, milliseconds */
	CONFIG_INTEGER,   /* uint32_t */
	CONFIG_FORMAT,    /* enum log_format */
	CONFIG_LISTEN,    /* struct config_addresses */
	CONFIG_LEVEL,     /* enum log_level */
	CONFIG_ORIGINS,   /* struct config_list */
	CONFIG_PATH,      /* const char * */
	CONFIG_PEM,       /* const char * */
	CONFIG_RATE,      /* struct rate */
	CONFIG_RATIO,     /* double, 0 to 1 */
	CONFIG_REQUIRED,  /* bool */
	CONFIG_TRUTH,     /* bool */
	CONFIG_REDIS,     /* const char *: host:port, several of those, or a URL */
	CONFIG_SECRET,    /* struct slice */
	CONFIG_SECRETS,   /* struct config_secrets */
	CONFIG_SIZE,      /* uint64_t, bytes */
	CONFIG_TEXT,      /* struct slice */
	CONFIG_URL,       /* const char * */
	CONFIG_KIND_COUNT,
};

struct config_key {
	const char *name; /* in the environment */
	enum config_kind kind;
	size_t offset;       /* of the value in struct config */
	const char *initial; /* NULL: not set */
	uint64_t minimum;    /* durations, integers and sizes; of secrets the bytes */
	uint64_t maximum;
	uint32_t readers;    /* the services that use it, of enum config_reader; 0: all of them */
	const char *schemes; /* of URLs, a blank between: "amqp:// amqps://"; and the words of choices */
	const char *description;
};

struct config_initial;

/* The key's value when nobody sets it; NULL: not set. own: the program's initial value, or NULL. */
const char *config_initial_of(const struct config_key *key, const struct config_initial *own);

extern const struct config_key config_keys[];
extern const uint32_t config_key_count;
