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
         .description = "The address that serves HTTP; port 0 takes any free port. Ignored when the supervisor hands over sockets "
                        "(`LISTEN_FDS`). `tro-expiry-worker` has 8081 by default, `tro-outbox-publisher` 8082."},
	{"TLS_CERT_FILE", PATH(http.tls_certificate),
         .description = "The certificate of `LISTEN_ADDR` in PEM, with its chain; not set, `LISTEN_ADDR` serves HTTP without TLS. SIGHUP "
                        "reads it again."},
	{"TLS_KEY_FILE", PATH(http.tls_key), .description = "The key of `TLS_CERT_FILE`, in PEM."},
	{"ADMIN_ADDR", ADDRESS(http.admin),
         .description = "A separate address, with a thread of its own, for operators and probes: health, readiness with its reasons, "
                        "`/metrics`; not set, `LISTEN_ADDR` serves them."},
	{"SHUTDOWN_DELAY", DURATION(http.shutdown_delay_ms), .initial = "0s", .minimum = 0, .maximum = 300 * SECOND,
         .description = "Time that a stopping server goes on serving after `/v1/readyz` has turned to 503, so that load balancers notice."},
	{"HTTP_THREADS", INTEGER(http.threads), .initial = "2", .minimum = 1, .maximum = 64,
         .description = "Event loops that serve HTTP, one a thread."},
	{"CONNECTIONS_MAX", INTEGER(http.connections_max), .initial = "20000", .minimum = 4, .maximum = 1000000,
         .description = "Client connections at once. From three quarters of them on, the one that has been idle for longest is closed for "
                        "each new one."},
	{"CONNECTIONS_PER_ADDRESS", INTEGER(http.connections_per_address), .initial = "2000", .minimum = 1, .maximum = 1000000,
         .description = "Connections of one client address at once; those of `TRUSTED_PROXIES` are not limited."},
	{"CLIENT_IPV6_PREFIX", INTEGER(http.client_ipv6_prefix), .initial = "64", .minimum = 32, .maximum = 128,
         .description =
                 "Bits of an IPv6 address that make a client: those of one network share their connections and `RATE_LIMIT_IP`. The same "
                 "for all servers."},
	{"HEAD_TIMEOUT", DURATION(http.head_timeout_ms), .initial = "10s", .minimum = SECOND, .maximum = 3600 * SECOND,
         .description = "Time limit for the head of a request to arrive."},
	{"BODY_TIMEOUT", DURATION(http.body_timeout_ms), .initial = "10s", .minimum = SECOND, .maximum = 3600 * SECOND,
         .description = "Time limit for a body to arrive; one that comes at 16 KiB a second or more may take longer."},
	{"IDLE_TIMEOUT", DURATION(http.idle_timeout_ms), .initial = "75s", .minimum = SECOND, .maximum = 3600 * SECOND,
         .description = "Time that a connection is kept without a request: set it longer than a proxy in front keeps it. It also limits "
                        "how long a client may take to read an answer."},
	{"BODY_MEMORY_MAX", SIZE(http.body_memory_max), .initial = "256MiB", .minimum = 64 * KIB, .maximum = 1024 * GIB,
         .description = "Memory for the bodies of all requests together; requests that need more are refused with 503."},
	{"TRUSTED_PROXIES", ADDRESSES(http.trusted_proxies),
         .description = "Proxies trusted to name the client of a connection: by the PROXY protocol (version 2), `X-Forwarded-For` or "
                        "`Forwarded`."},
	{"CORS_ALLOWED_ORIGINS", ORIGINS(http.cors_allowed_origins), .readers = CONFIG_READER_API,
         .description = "Web pages of these origins may call the API."},
	{"RATE_LIMIT_USER", RATE(limits.user), .readers = CONFIG_READER_API, .initial = "100/1m",
         .description = "Requests of one user in a sliding window."},
	{"RATE_LIMIT_IP", RATE(limits.address), .readers = CONFIG_READER_API, .initial = "1000/1m",
         .description = "Requests of one client address in a sliding window."},
	{"RATE_LIMIT_SERVICE", RATE(limits.service), .readers = CONFIG_READER_API, .initial = "off",
         .description = "Requests of one service (a token with `tro:service`) in a sliding window, for all users that it acts for "
                        "together; each process counts them alone, with Redis, too."},
	{"HOLD_TTL", DURATION(sales.hold_ttl_ms), .readers = CONFIG_READER_API, .initial = "5m", .minimum = 10, .maximum = 30 * DAY,
         .description = "Time that a hold keeps its seats."},
	{"ORDER_TTL", DURATION(sales.order_ttl_ms), .readers = CONFIG_READER_API, .initial = "15m", .minimum = 10, .maximum = 30 * DAY,
         .description = "Time that an order waits for its payment."},
	{"SEATS_PER_HOLD_MAX", INTEGER(sales.seats_per_hold_max), .readers = CONFIG_READER_API, .initial = "10", .minimum = 1,
         .maximum = 100, .description = "Seats that one hold may have."},
	{"SEAT_MAP_MEMORY", SIZE(sales.seat_map_bytes), .readers = CONFIG_READER_API, .initial = "128MiB", .minimum = 1024 * KIB,
         .maximum = 1024 * GIB,
         .description =
                 "Memory for the seat maps of the events that clients ask for; a map takes about 110 bytes a seat, and its pages as much."},
	{"JWT_SECRET", SECRETS(auth.jwt_secrets), .readers = CONFIG_READER_API, .minimum = SECRET_LENGTH_MIN,
         .description = "Keys of HS256 tokens; list two while rotating. `tro token` signs with the first."},
	{"JWT_PUBLIC_KEY", PEM(auth.jwt_public_key), .readers = CONFIG_READER_API,
         .description = "Keys of RS256 and PS256 (RSA), ES256 (P-256) or EdDSA (Ed25519) tokens, one PEM block after the other."},
	{"JWT_PUBLIC_KEY_FILE", PATH(auth.jwt_public_key_file), .readers = CONFIG_READER_API,
         .description = "A file with the value of `JWT_PUBLIC_KEY`."},
	{"JWT_JWKS_URL", URL(auth.jwt_jwks_url), .readers = CONFIG_READER_API, .schemes = "https:// http://",
         .description = "The URL of the issuer's keys, a JSON Web Key Set; http:// to loopback addresses only."},
	{"JWT_JWKS_CA_FILE", PATH(auth.jwt_jwks_ca), .readers = CONFIG_READER_API,
         .description = "Certificate authorities trusted for `JWT_JWKS_URL`, in PEM; not set, the system's, or those of `SSL_CERT_FILE`."},
	{"JWT_LEEWAY", DURATION(auth.jwt_leeway_ms), .readers = CONFIG_READER_API, .initial = "30s", .minimum = 0, .maximum = 300 * SECOND,
         .description = "Tolerated difference between the clock of the tokens' issuer and this machine's."},
	{"JWT_ISSUER", TEXT(auth.jwt_issuer), .readers = CONFIG_READER_API,
         .description = "The `iss` that a token must have; not set, it is not checked."},
	{"JWT_AUDIENCE", TEXT(auth.jwt_audience), .readers = CONFIG_READER_API,
         .description = "The `aud` that a token must include; not set, it is not checked."},
	{"PAYMENT_SECRET", SECRETS(auth.payment_secrets), .readers = CONFIG_READER_API, .minimum = SECRET_LENGTH_MIN,
         .description = "HMAC secrets for payment callbacks; list two while rotating."},
	{"PAYMENT_AMOUNT", REQUIRED(auth.requires_payment_amount), .readers = CONFIG_READER_API, .initial = "optional",
         .description = "Whether a callback that reports money must say `amount` and `currency`."},
	{"DATA_DIR", PATH(systems.data_dir), .initial = "./tro-data", .description = "The folder of the embedded store's files."},
	{"CRDB_DSN", DSN(systems.crdb_dsn), .schemes = "postgresql:// postgres://",
         .description = "CockroachDB or PostgreSQL; without `sslmode` it is called with TLS and must have a verified certificate unless it "
                        "is on this machine. Not set, the store is SQLite in `DATA_DIR`."},
	{"COMMITS_IN_FLIGHT", INTEGER(systems.commits_in_flight), .initial = "1", .minimum = 1, .maximum = 8,
         .description =
                 "Transactions that are written to `CRDB_DSN` at once, at most, each on a connection of its own; another begins when "
                 "nearly as many commands wait as it usually has. More than one pays when the database is far away."},
	{"MONGO_URI", URL(systems.mongo_uri), .readers = CONFIG_READER_API, .schemes = "mongodb:// mongodb+srv://",
         .description = "MongoDB; not set, the catalog is in the store."},
	{"REDIS_ADDR", REDIS(systems.redis), .readers = CONFIG_READER_API, .schemes = "redis:// rediss://",
         .description = "Redis, Redis Cluster or Valkey; not set, rate limits and idempotency keys in use count in each process alone."},
	{"REDIS_CA_FILE", PATH(systems.redis_tls.authorities), .readers = CONFIG_READER_API,
         .description =
                 "Certificate authorities trusted for a `rediss://` server, in PEM; not set, the system's, or those of `SSL_CERT_FILE`."},
	{"REDIS_CERT_FILE", PATH(systems.redis_tls.certificate), .readers = CONFIG_READER_API,
         .description = "The client certificate for a `rediss://` server, in PEM; not set, none is sent."},
	{"REDIS_KEY_FILE", PATH(systems.redis_tls.key), .readers = CONFIG_READER_API,
         .description = "The key of `REDIS_CERT_FILE`, in PEM; not set, it is in the same file."},
	{"RABBIT_URL", URL(systems.rabbit_url), .readers = CONFIG_READER_PUBLISHER, .schemes = "amqp:// amqps://",
         .description = "RabbitMQ; not set, events are published within the process."},
	{"RABBIT_CA_FILE", PATH(systems.rabbit_tls.authorities), .readers = CONFIG_READER_PUBLISHER,
         .description =
                 "Certificate authorities trusted for an `amqps://` broker, in PEM; not set, the system's, or those of `SSL_CERT_FILE`."},
	{"RABBIT_CERT_FILE", PATH(systems.rabbit_tls.certificate), .readers = CONFIG_READER_PUBLISHER,
         .description = "The client certificate for an `amqps://` broker, in PEM; not set, none is sent."},
	{"RABBIT_KEY_FILE", PATH(systems.rabbit_tls.key), .readers = CONFIG_READER_PUBLISHER,
         .description = "The key of `RABBIT_CERT_FILE`, in PEM; not set, it is in the same file."},
	{"RABBIT_BATCH", INTEGER(systems.rabbit_batch), .readers = CONFIG_READER_PUBLISHER, .initial = "0", .minimum = 0, .maximum = 1000,
         .description = "Events of a partition in one message to the exchange `tro.batches`, at most; 0: each event goes to `tro.events` "
                        "as a message of its own."},
	{"OTEL_EXPORTER_OTLP_ENDPOINT", URL(traces.endpoint), .schemes = "http:// https://",
         .description = "OpenTelemetry collector, or another receiver of OTLP; not set, no spans are made or sent."},
	{"OTEL_EXPORTER_OTLP_PROTOCOL", CHOICE(traces.protocol), .schemes = "http/protobuf grpc",
         .description = "The protocol of the spans; not set, `grpc` to port 4317 and `http/protobuf`, with `/v1/traces` behind the path, "
                        "elsewhere."},
	{"OTEL_EXPORTER_OTLP_HEADERS", SECRET(traces.headers), .minimum = 3,
         .description = "Header fields for the receiver: `name=value` with commas between, values percent-encoded."},
	{"OTEL_EXPORTER_OTLP_TIMEOUT", INTEGER(traces.timeout_ms), .initial = "10000", .minimum = 1, .maximum = 600000,
         .description = "Time limit of one attempt to send spans, in milliseconds."},
	{"OTEL_EXPORTER_OTLP_COMPRESSION", CHOICE(traces.compression), .initial = "none", .schemes = "none gzip",
         .description = "Whether spans are compressed on their way."},
	{"OTEL_SERVICE_NAME", TEXT(traces.service_name),
         .description = "`service.name` of the spans; not set, the one in `OTEL_RESOURCE_ATTRIBUTES`, else the program's name."},
	{"OTEL_RESOURCE_ATTRIBUTES", TEXT(traces.resource_attributes),
         .description = "Further attributes of the process in every span: `key=value` with commas between, values percent-encoded."},
	{"OTEL_TRACES_SAMPLER", CHOICE(traces.sampler), .initial = "parentbased_always_on",
         .schemes = "always_on always_off traceidratio parentbased_always_on parentbased_always_off parentbased_traceidratio",
         .description = "Which traces are recorded; `parentbased_…` records a trace that a client began if the client does."},
	{"OTEL_TRACES_SAMPLER_ARG", RATIO(traces.sampler_ratio), .initial = "1",
         .description = "The share of the traces that `traceidratio` records."},
	{"OTEL_SDK_DISABLED", TRUTH(traces.is_disabled), .initial = "false", .description = "`true`: no spans at all."},
	{"CONFINE", TRUTH(is_confined), .initial = "true",
         .description = "Whether a server gives up rights that it does not need: changing files outside `DATA_DIR`, starting programs, and "
                        "other system calls (Landlock, seccomp)."},
	{"LOG_LEVEL", LEVEL(log_level), .initial = "info",
         .description = "The lowest level that is logged; `info` has a line for each request. SIGUSR1 turns `debug` on, and off again."},
	{"LOG_FORMAT", FORMAT(log_format), .initial = "json",
         .description = "`json`: an object a line. `text`: for people, in colour when stderr is a terminal and `NO_COLOR` is not set."},
	{"LOG_PERSONAL_DATA", TRUTH(log_personal_data), .initial = "false",
         .description = "Whether the log names users; `false`: it has a pseudonym for each, the same on every machine with the same "
                        "`PAYMENT_SECRET`."},
};

const uint32_t config_key_count = ARRAY_LENGTH(config_keys);

static_assert(ARRAY_LENGTH(config_keys) <= CONFIG_KEYS_MAX, "struct config has no room for what was given");

const char *config_initial_of(const struct config_key *key, const struct config_initial *own)
{
	return own != NULL && strcmp(own->name, key->name) == 0 ? own->text : key->initial;
}
