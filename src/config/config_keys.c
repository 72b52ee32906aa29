/* config_keys.c: the rows. Each kind's macro also checks that the member has the type that the kind writes. */
#include "config/config_keys.h"

#include <assert.h>
#include <string.h>

#include "base/attributes.h"
#include "config/config.h"

#define MEMBER(type, member) .offset = offsetof(struct config, member) + 0 * sizeof((type *)NULL == &((struct config *)NULL)->member)

#define ADDRESS(member) .kind = CONFIG_ADDRESS, MEMBER(struct config_address, member)
#define ADDRESSES(member) .kind = CONFIG_ADDRESSES, MEMBER(struct cidr_list, member)
#define CHOICE(member) .kind = CONFIG_CHOICE, MEMBER(const char *, member)
#define DSN(member) .kind = CONFIG_DSN, MEMBER(const char *, member)
#define DURATION(member) .kind = CONFIG_DURATION, MEMBER(uint64_t, member)
#define INTEGER(member) .kind = CONFIG_INTEGER, MEMBER(uint32_t, member)
#define FORMAT(member) .kind = CONFIG_FORMAT, MEMBER(enum log_format, member)
#define LISTEN(member) .kind = CONFIG_LISTEN, MEMBER(struct config_addresses, member)
#define LEVEL(member) .kind = CONFIG_LEVEL, MEMBER(enum log_level, member)
#define ORIGINS(member) .kind = CONFIG_ORIGINS, MEMBER(struct config_list, member)
#define PATH(member) .kind = CONFIG_PATH, MEMBER(const char *, member)
#define PEM(member) .kind = CONFIG_PEM, MEMBER(const char *, member)
#define RATE(member) .kind = CONFIG_RATE, MEMBER(struct rate, member)
#define RATIO(member) .kind = CONFIG_RATIO, MEMBER(double, member)
#define TRUTH(member) .kind = CONFIG_TRUTH, MEMBER(bool, member)
#define REQUIRED(member) .kind = CONFIG_REQUIRED, MEMBER(bool, member)
#define REDIS(member) .kind = CONFIG_REDIS, MEMBER(const char *, member)
#define SECRET(member) .kind = CONFIG_SECRET, MEMBER(struct slice, member)
#define SECRETS(member) .kind = CONFIG_SECRETS, MEMBER(struct config_secrets, member)
#define SIZE(member) .kind = CONFIG_SIZE, MEMBER(uint64_t, member)
#define TEXT(member) .kind = CONFIG_TEXT, MEMBER(struct slice, member)
#define URL(member) .kind = CONFIG_URL, MEMBER(const char *, member)

#define SECOND UINT64_C(1000)
#define KIB UINT64_C(1024)
#define GIB (KIB * KIB * KIB)
#define DAY (86400 * SECOND)
#define SECRET_LENGTH_MIN 32 /* as many as HMAC-SHA-256 gives */

const struct config_key config_keys[] = {
	{"LISTEN_ADDR", LISTEN(http.listen), .initial = "127.0.0.1:8080",
         .description = "Where HTTP is served; port 0 takes any that is free. Not used when the supervisor hands over sockets "
                        "(`LISTEN_FDS`). `tro-expiry-worker` has 8081 by default, "
                        "`tro-outbox-publisher` 8082."},
	{"TLS_CERT_FILE", PATH(http.tls_certificate),
         .description = "The certificate of `LISTEN_ADDR` in PEM, with those that lead to its root; not set, it speaks HTTP without TLS. "
                        "SIGHUP reads it "
                        "again."},
	{"TLS_KEY_FILE", PATH(http.tls_key), .description = "The key of `TLS_CERT_FILE`, in PEM."},
	{"ADMIN_ADDR", ADDRESS(http.admin),
         .description =
                 "Where operators and probes are served, by a thread of its own: health, readiness with its reasons, `/metrics`; not set, "
                 "`LISTEN_ADDR` serves them."},
	{"SHUTDOWN_DELAY", DURATION(http.shutdown_delay_ms), .initial = "0s", .minimum = 0, .maximum = 300 * SECOND,
         .description = "How long a server that is told to stop goes on serving after `/v1/readyz` has turned to 503, so that load "
                        "balancers notice."},
	{"HTTP_THREADS", INTEGER(http.threads), .initial = "2", .minimum = 1, .maximum = 64,
         .description = "Event loops that serve HTTP, one a thread."},
	{"CONNECTIONS_MAX", INTEGER(http.connections_max), .initial = "20000", .minimum = 4, .maximum = 1000000,
         .description = "Client connections at once. From three quarters of them on, the one that has been idle for longest is closed for "
                        "each new one."},
	{"CONNECTIONS_PER_ADDRESS", INTEGER(http.connections_per_address), .initial = "2000", .minimum = 1, .maximum = 1000000,
         .description = "Connections of one client address at once, IPv6 by its /64; those of `TRUSTED_PROXIES` are not limited."},
	{"HEAD_TIMEOUT", DURATION(http.head_timeout_ms), .initial = "10s", .minimum = SECOND, .maximum = 3600 * SECOND,
         .description = "How long the head of a request may take to arrive."},
	{"BODY_TIMEOUT", DURATION(http.body_timeout_ms), .initial = "10s", .minimum = SECOND, .maximum = 3600 * SECOND,
         .description = "How long a body may take to arrive; one of which 16 KiB a second come may take longer."},
	{"IDLE_TIMEOUT", DURATION(http.idle_timeout_ms), .initial = "75s", .minimum = SECOND, .maximum = 3600 * SECOND,
         .description = "How long a connection is kept without a request: longer than a proxy in front keeps it. A client has as long to "
                        "take an answer."},
	{"BODY_MEMORY_MAX", SIZE(http.body_memory_max), .initial = "256MiB", .minimum = 64 * KIB, .maximum = 1024 * GIB,
         .description = "Memory for the bodies of all requests together; beyond it those that need more are refused with 503."},
	{"TRUSTED_PROXIES", ADDRESSES(http.trusted_proxies),
         .description =
                 "Proxies that are believed whom they speak for: by the PROXY protocol (version 2), `X-Forwarded-For` or `Forwarded`."},
	{"CORS_ALLOWED_ORIGINS", ORIGINS(http.cors_allowed_origins), .description = "Web pages of these origins may call the API."},
	{"RATE_LIMIT_USER", RATE(limits.user), .initial = "100/1m", .description = "Requests of one user in a sliding window."},
	{"RATE_LIMIT_IP", RATE(limits.address), .initial = "1000/1m", .description = "Requests of one client address in a sliding window."},
	{"RATE_LIMIT_SERVICE", RATE(limits.service), .initial = "off",
         .description =
                 "Requests of one service (a token with `tro:service`) in a sliding window, for all users that it acts for together."},
	{"HOLD_TTL", DURATION(sales.hold_ttl_ms), .initial = "5m", .minimum = 10, .maximum = 30 * DAY,
         .description = "How long a hold keeps its seats."},
	{"ORDER_TTL", DURATION(sales.order_ttl_ms), .initial = "15m", .minimum = 10, .maximum = 30 * DAY,
         .description = "How long an order waits for its payment."},
	{"SEATS_PER_HOLD_MAX", INTEGER(sales.seats_per_hold_max), .initial = "10", .minimum = 1, .maximum = 100,
         .description = "Seats that one hold may have."},
	{"SEAT_MAP_MEMORY", SIZE(sales.seat_map_bytes), .initial = "128MiB", .minimum = 1024 * KIB, .maximum = 1024 * GIB,
         .description =
                 "Memory for the seat maps of the events that people look at; a map takes about 110 bytes a seat, and its pages as much."},
	{"JWT_SECRET", SECRETS(auth.jwt_secrets), .minimum = SECRET_LENGTH_MIN,
         .description = "Keys of HS256 tokens; several while one replaces another. `tro token` signs with the first."},
	{"JWT_PUBLIC_KEY", PEM(auth.jwt_public_key),
         .description = "Keys of RS256 and PS256 (RSA), ES256 (P-256) or EdDSA (Ed25519) tokens, one PEM block after the other."},
	{"JWT_PUBLIC_KEY_FILE", PATH(auth.jwt_public_key_file), .description = "A file with what `JWT_PUBLIC_KEY` would have."},
	{"JWT_JWKS_URL", URL(auth.jwt_jwks_url), .schemes = "https:// http://",
         .description = "Where the keys of tokens are published, as a JSON Web Key Set; http:// to loopback addresses only."},
	{"JWT_LEEWAY", DURATION(auth.jwt_leeway_ms), .initial = "30s", .minimum = 0, .maximum = 300 * SECOND,
         .description = "How far the clock of the issuer of tokens may differ from this machine's."},
	{"JWT_ISSUER", TEXT(auth.jwt_issuer), .description = "What a token's `iss` must be; not set, it is not checked."},
	{"JWT_AUDIENCE", TEXT(auth.jwt_audience), .description = "What a token's `aud` must have; not set, it is not checked."},
	{"PAYMENT_SECRET", SECRETS(auth.payment_secrets), .minimum = SECRET_LENGTH_MIN,
         .description = "HMAC secrets for payment callbacks; list two while rotating."},
	{"PAYMENT_AMOUNT", REQUIRED(auth.requires_payment_amount), .initial = "optional",
         .description = "Whether a callback that reports money must say `amount` and `currency`."},
	{"DATA_DIR", PATH(systems.data_dir), .initial = "./tro-data", .description = "Where the embedded store keeps its files."},
	{"CRDB_DSN", DSN(systems.crdb_dsn), .schemes = "postgresql:// postgres://",
         .description = "CockroachDB or PostgreSQL; not set, SQLite in `DATA_DIR` is the store."},
	{"COMMITS_IN_FLIGHT", INTEGER(systems.commits_in_flight), .initial = "1", .minimum = 1, .maximum = 8,
         .description = "Transactions that are written to `CRDB_DSN` at once, each on a connection of its own; more than one pays when the "
                        "database is far away."},
	{"MONGO_URI", URL(systems.mongo_uri), .schemes = "mongodb:// mongodb+srv://",
         .description = "MongoDB; not set, the catalog is in the store."},
	{"REDIS_ADDR", REDIS(systems.redis), .schemes = "redis:// rediss://",
         .description = "Redis, Redis Cluster or Valkey; not set, rate limits and idempotency keys in use count in each process alone."},
	{"RABBIT_URL", URL(systems.rabbit_url), .schemes = "amqp:// amqps://",
         .description = "RabbitMQ; not set, events are published within the process."},
	{"OTEL_EXPORTER_OTLP_ENDPOINT", URL(traces.endpoint), .schemes = "http:// https://",
         .description = "OpenTelemetry collector, or another receiver of OTLP; not set, no spans are made or sent."},
	{"OTEL_EXPORTER_OTLP_PROTOCOL", CHOICE(traces.protocol), .schemes = "http/protobuf grpc",
         .description =
                 "How spans are sent; not set, `grpc` to port 4317 and `http/protobuf`, with `/v1/traces` behind the path, elsewhere."},
	{"OTEL_EXPORTER_OTLP_HEADERS", SECRET(traces.headers), .minimum = 3,
         .description = "Header fields for the receiver: `name=value` with commas between, values percent-encoded."},
	{"OTEL_EXPORTER_OTLP_TIMEOUT", INTEGER(traces.timeout_ms), .initial = "10000", .minimum = 1, .maximum = 600000,
         .description = "Milliseconds that one attempt to send spans may take."},
	{"OTEL_EXPORTER_OTLP_COMPRESSION", CHOICE(traces.compression), .initial = "none", .schemes = "none gzip",
         .description = "Whether spans are compressed on their way."},
	{"OTEL_SERVICE_NAME", TEXT(traces.service_name),
         .description = "`service.name` of the spans; not set, what `OTEL_RESOURCE_ATTRIBUTES` says, else the program's name."},
	{"OTEL_RESOURCE_ATTRIBUTES", TEXT(traces.resource_attributes),
         .description = "What else every span says of its process: `key=value` with commas between, values percent-encoded."},
	{"OTEL_TRACES_SAMPLER", CHOICE(traces.sampler), .initial = "parentbased_always_on",
         .schemes = "always_on always_off traceidratio parentbased_always_on parentbased_always_off parentbased_traceidratio",
         .description = "Which traces are recorded; `parentbased_…`: those of others as they say."},
	{"OTEL_TRACES_SAMPLER_ARG", RATIO(traces.sampler_ratio), .initial = "1",
         .description = "The share of the traces that `traceidratio` records."},
	{"OTEL_SDK_DISABLED", TRUTH(traces.is_disabled), .initial = "false", .description = "`true`: no spans, whatever else is set."},
	{"CONFINE", TRUTH(is_confined), .initial = "true",
         .description = "Whether a server gives up what it does not need: changing files outside `DATA_DIR`, starting programs, and other "
                        "system calls (Landlock, seccomp)."},
	{"LOG_LEVEL", LEVEL(log_level), .initial = "info",
         .description = "The least that is logged; `info` has a line for each request. SIGUSR1 turns `debug` on, and off again."},
	{"LOG_FORMAT", FORMAT(log_format), .initial = "json",
         .description = "`json`: an object a line. `text`: for people, in colour when stderr is a terminal and `NO_COLOR` is not set."},
	{"LOG_PERSONAL_DATA", TRUTH(log_personal_data), .initial = "false",
         .description = "Whether the log names users; `false`, it has a text that stands for each, the same wherever `PAYMENT_SECRET` is."},
};

const uint32_t config_key_count = ARRAY_LENGTH(config_keys);

static_assert(ARRAY_LENGTH(config_keys) <= CONFIG_KEYS_MAX, "struct config has no room for what was given");

const char *config_initial_of(const struct config_key *key, const struct config_initial *own)
{
	return own != NULL && strcmp(own->name, key->name) == 0 ? own->text : key->initial;
}
