/* config.h: the settings, read once at the start from flags and the environment.
 *
 * One table (config_keys.c) has every key: LISTEN_ADDR in the environment is --listen-addr on the command line, and a flag wins.
 * A value that is empty counts as not set; an empty flag takes back what the environment says. Secrets, URLs and DSNs may stand in files:
 * JWT_SECRET_FILE, --jwt-secret-file. The result is cut into slices: constructors get theirs and know nothing of the rest. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/cidr.h"
#include "base/log_level.h"
#include "base/rate.h"
#include "base/slice.h"

#define CONFIG_LIST_MAX 16
#define CONFIG_SECRETS_MAX 8
#define CONFIG_KEYS_MAX 80

struct config_address {
	const char *host; /* a name or an address without brackets; "" is every address */
	uint16_t port;    /* 0: any that is free */
	const char *path; /* of a unix socket; NULL: not one */
};

#define CONFIG_ADDRESSES_MAX 8

struct config_addresses {
	struct config_address items[CONFIG_ADDRESSES_MAX];
	uint32_t count;
};

struct config_list {
	const char *items[CONFIG_LIST_MAX];
	uint32_t count;
};

struct config_secrets {
	struct slice items[CONFIG_SECRETS_MAX];
	uint32_t count;
};

struct config_http {
	struct config_addresses listen;
	struct config_address admin; /* host NULL: not set, and `listen` serves operators too */
	const char *tls_certificate; /* path; NULL, as the key is then: `listen` is not encrypted */
	const char *tls_key;
	uint32_t threads;
	uint64_t shutdown_delay_ms; /* from the end of readiness to that of the listeners */
	uint32_t connections_max;
	uint32_t connections_per_address;
	uint32_t client_ipv6_prefix;
	uint64_t head_timeout_ms;
	uint64_t body_timeout_ms;
	uint64_t idle_timeout_ms;
	uint64_t body_memory_max; /* bytes */
	struct cidr_list trusted_proxies;
	struct config_list cors_allowed_origins;
};

struct config_sales {
	uint64_t hold_ttl_ms;
	uint64_t order_ttl_ms;
	uint32_t seats_per_hold_max;
	uint64_t seat_map_bytes;
};

struct config_auth {
	struct config_secrets jwt_secrets; /* the first one signs */
	const char *jwt_public_key;        /* PEM; NULL: not set */
	const char *jwt_public_key_file;   /* NULL: not set */
	uint64_t jwt_leeway_ms;
	const char *jwt_jwks_url;  /* NULL: not set */
	const char *jwt_jwks_ca;   /* path; NULL: the system's authorities */
	struct slice jwt_issuer;   /* empty: not checked */
	struct slice jwt_audience; /* empty: not checked */
	struct config_secrets payment_secrets;
	bool requires_payment_amount; /* of callbacks that report money */
};

struct config_limits {
	struct rate user;
	struct rate service;
	struct rate address;
};

/* Files in PEM of TLS to an outside system whose address cannot name them; each NULL: not set. */
struct config_tls {
	const char *authorities;
	const char *certificate;
	const char *key;
};

/* The addresses of the outside systems; NULL: the embedded one serves. */
struct config_systems {
	const char *data_dir; /* never NULL: the folder of the embedded ones' files */
	const char *crdb_dsn;
	uint32_t commits_in_flight; /* of the server at crdb_dsn; SQLite writes one at a time */
	const char *mongo_uri;
	const char *redis;
	struct config_tls redis_tls;
	const char *rabbit_url;
	struct config_tls rabbit_tls;
	uint32_t rabbit_batch; /* events of a message; 0: each is a message of its own */
};

/* The variables of OpenTelemetry. */
struct config_traces {
	const char *endpoint;             /* NULL: no traces are recorded */
	const char *protocol;             /* "grpc", "http/protobuf", or NULL: the endpoint's port tells */
	struct slice headers;             /* empty: none */
	uint32_t timeout_ms;              /* of one attempt */
	const char *compression;          /* "gzip", "none" */
	struct slice service_name;        /* empty: not set */
	struct slice resource_attributes; /* empty: none */
	const char *sampler;
	double sampler_ratio;
	bool is_disabled;
};

/* Whether tokens are verified with keys whose private half is elsewhere. */
static inline bool config_has_public_keys(const struct config_auth *auth)
{
	return auth->jwt_public_key != NULL || auth->jwt_public_key_file != NULL || auth->jwt_jwks_url != NULL;
}

enum config_source {
	CONFIG_DEFAULT,
	CONFIG_ENVIRONMENT,
	CONFIG_FLAG,
};

struct config {
	struct config_http http;
	struct config_sales sales;
	struct config_auth auth;
	struct config_limits limits;
	struct config_systems systems;
	struct config_traces traces;
	enum log_level log_level;
	enum log_format log_format;
	bool log_personal_data; /* users by name */
	bool is_confined;

	/* For config_print. */
	struct config_given {
		const char *text; /* NULL: not set */
		enum config_source source;
		const char *file; /* the file that the text came from; NULL: none */
		enum config_source file_source;
	} given[CONFIG_KEYS_MAX];
};

enum config_result {
	CONFIG_OK = 0,
	CONFIG_WRONG_USAGE, /* a flag without its value: exit code 2 */
	CONFIG_BAD_VALUE,   /* exit code 1 */
};

/* A program's own initial values where they differ from the table's, such as the address it listens on. */
struct config_initial {
	const char *name; /* of the key */
	const char *text;
};

/* Reads flags, environment and the file of --env-file, which is behind the environment. Takes the flags of the table that stand before "--"
 * out of *argc and argv; the caller judges the rest (argv[0], arguments, flags of the command, unknown flags). environment: "NAME=value"
 * strings, ends with NULL, as in environ(7). own: the program's own initial value, or NULL. Texts live in argv, in the environment, in own
 * and in the arena. Secrets, URLs and DSNs in argv are copied and then overwritten, so that ps shows none. On failure *ret_message is one
 * line for people: the key, the value (masked if secret), what is accepted; *ret_config is untouched. */
must_check enum config_result config_load(int *argc, char **argv, char *const *environment, const struct config_initial *own,
                                          struct arena *arena, struct config *ret_config, const char **ret_message);

/* Services of which some use a setting alone; every program takes every setting, for they may share one environment. */
enum config_reader {
	CONFIG_READER_API = 1,
	CONFIG_READER_PUBLISHER = 2,
};
#define CONFIG_READERS (CONFIG_READER_API | CONFIG_READER_PUBLISHER)

/* The part of --help that lists the flags that one of the readers uses, and those of every program; own: as above. */
void config_write_help(const struct config_initial *own, uint32_t readers, struct buffer *buffer);
/* The README's table. */
void config_write_markdown(struct buffer *buffer);
/* NAME=value of every key, by where it comes from, as an environment file; secrets are masked, and of URLs the authority and the query. */
void config_print(const struct config *config, struct buffer *buffer);
