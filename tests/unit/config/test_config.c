/* test_config.c: flags and environment into values, and what is said of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER_SECRET "fedcba9876543210fedcba9876543210"

struct config_test {
	struct arena arena;
	struct config config;
	const char *message;
	char *argv[16];
	const char *given[16]; /* as argv was */
	int argc;
};

static struct config_test test;

static int set_up(void **state)
{
	(void)state;
	test = (struct config_test){0};
	arena_init(&test.arena, 4096, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&test.arena);
	return 0;
}

/* flags and environment: strings, ended by NULL; NULL for none. */
static enum config_result load_for(const struct config_initial *own, const char *const *flags, const char *const *environment)
{
	static char *const nothing[] = {NULL};
	static char program[] = "tro";
	test.argc = 1;
	test.argv[0] = program;
	for (; flags != NULL && *flags != NULL; flags++)
		test.argv[test.argc++] = (char *)(uintptr_t)arena_copy(&test.arena, slice_of(*flags)).data; /* it may be overwritten */
	test.argv[test.argc] = NULL;
	memcpy(test.given, test.argv, sizeof test.given);
	char *const *variables = environment == NULL ? nothing : (char *const *)(uintptr_t)environment;
	return config_load(&test.argc, test.argv, variables, own, &test.arena, &test.config, &test.message);
}

static enum config_result load(const char *const *flags, const char *const *environment)
{
	return load_for(NULL, flags, environment);
}

#define LIST(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

static void without_anything_the_defaults_hold(void **state)
{
	(void)state;
	assert_int_equal(load(NULL, NULL), CONFIG_OK);
	assert_string_equal(test.config.http.listen.items[0].host, "127.0.0.1");
	assert_int_equal(test.config.http.listen.items[0].port, 8080);
	assert_int_equal(test.config.http.threads, 2);
	assert_int_equal(test.config.http.connections_max, 20000);
	assert_int_equal(test.config.http.connections_per_address, 2000);
	assert_int_equal(test.config.http.client_ipv6_prefix, 64);
	assert_int_equal(test.config.http.head_timeout_ms, 10000);
	assert_int_equal(test.config.http.body_timeout_ms, 10000);
	assert_int_equal(test.config.http.idle_timeout_ms, 75000);
	assert_true(test.config.http.body_memory_max == UINT64_C(256) << 20);
	assert_int_equal(test.config.http.trusted_proxies.count, 0);
	assert_int_equal(test.config.http.cors_allowed_origins.count, 0);
	assert_int_equal(test.config.sales.hold_ttl_ms, 5 * 60 * 1000);
	assert_int_equal(test.config.sales.order_ttl_ms, 15 * 60 * 1000);
	assert_int_equal(test.config.sales.seats_per_hold_max, 10);
	assert_int_equal(test.config.limits.user.limit, 100);
	assert_int_equal(test.config.limits.address.limit, 1000);
	assert_int_equal(test.config.limits.address.window_s, 60);
	assert_int_equal(test.config.auth.jwt_secrets.count, 0);
	assert_int_equal(test.config.auth.payment_secrets.count, 0);
	assert_string_equal(test.config.systems.data_dir, "./tro-data");
	assert_null(test.config.systems.crdb_dsn);
	assert_null(test.config.systems.redis);
	assert_int_equal(test.config.log_level, LOG_INFO);
}

static void every_kind_of_value_is_read(void **state)
{
	(void)state;
	assert_int_equal(
		load(NULL, LIST("LISTEN_ADDR=[::1]:0", "DATA_DIR=/var/lib/tro", "HOLD_TTL=1m30s", "SEATS_PER_HOLD_MAX=100",
	                        "HTTP_THREADS=64", "BODY_MEMORY_MAX=3GiB", "JWT_SECRET=" SECRET, "JWT_ISSUER=https://issuer.example",
	                        "JWT_AUDIENCE=tro", "PAYMENT_SECRET=" SECRET ", " OTHER_SECRET, "RATE_LIMIT_USER=off", "RATE_LIMIT_IP=5/1h",
	                        "TRUSTED_PROXIES=10.0.0.0/8,::1",
	                        "CORS_ALLOWED_ORIGINS=https://a.example, http://localhost:3000,https://[::1]:8", "LOG_LEVEL=warn",
	                        "CRDB_DSN=host=db user=tro", "MONGO_URI=mongodb+srv://cluster.example/tro", "REDIS_ADDR=redis:6379",
	                        "RABBIT_URL=amqps://user:pass@rabbit:5671/%2f", "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318",
	                        "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_HEADERS=authorization=Basic%20eA",
	                        "OTEL_EXPORTER_OTLP_TIMEOUT=500", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip", "OTEL_SERVICE_NAME=shop",
	                        "OTEL_RESOURCE_ATTRIBUTES=a=b,c=d", "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25",
	                        "OTEL_SDK_DISABLED=TRUE", "JWT_JWKS_URL=https://issuer.example/jwks.json",
	                        "JWT_PUBLIC_KEY=-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n")),
		CONFIG_OK);
	assert_string_equal(test.config.http.listen.items[0].host, "::1");
	assert_int_equal(test.config.http.listen.items[0].port, 0);
	assert_string_equal(test.config.systems.data_dir, "/var/lib/tro");
	assert_int_equal(test.config.sales.hold_ttl_ms, 90000);
	assert_int_equal(test.config.sales.seats_per_hold_max, 100);
	assert_int_equal(test.config.http.threads, 64);
	assert_true(test.config.http.body_memory_max == UINT64_C(3) << 30);
	assert_true(slice_equal_string(test.config.auth.jwt_secrets.items[0], SECRET));
	assert_true(slice_equal_string(test.config.auth.jwt_issuer, "https://issuer.example"));
	assert_int_equal(test.config.auth.payment_secrets.count, 2);
	assert_true(slice_equal_string(test.config.auth.payment_secrets.items[1], OTHER_SECRET));
	assert_int_equal(test.config.limits.user.limit, 0);
	assert_int_equal(test.config.limits.address.window_s, 3600);
	assert_int_equal(test.config.http.trusted_proxies.count, 2);
	assert_int_equal(test.config.http.cors_allowed_origins.count, 3);
	assert_string_equal(test.config.http.cors_allowed_origins.items[1], "http://localhost:3000");
	assert_int_equal(test.config.log_level, LOG_WARN);
	assert_string_equal(test.config.systems.crdb_dsn, "host=db user=tro");
	assert_string_equal(test.config.systems.mongo_uri, "mongodb+srv://cluster.example/tro");
	assert_string_equal(test.config.systems.redis, "redis:6379");
	assert_string_equal(test.config.systems.rabbit_url, "amqps://user:pass@rabbit:5671/%2f");
	assert_string_equal(test.config.traces.endpoint, "http://collector:4318");
	assert_string_equal(test.config.traces.protocol, "grpc");
	assert_true(slice_equal_string(test.config.traces.headers, "authorization=Basic%20eA"));
	assert_int_equal(test.config.traces.timeout_ms, 500);
	assert_string_equal(test.config.traces.compression, "gzip");
	assert_true(slice_equal_string(test.config.traces.service_name, "shop"));
	assert_true(slice_equal_string(test.config.traces.resource_attributes, "a=b,c=d"));
	assert_string_equal(test.config.traces.sampler, "traceidratio");
	assert_true(test.config.traces.sampler_ratio > 0.2499 && test.config.traces.sampler_ratio < 0.2501);
	assert_true(test.config.traces.is_disabled);
	assert_string_equal(test.config.auth.jwt_jwks_url, "https://issuer.example/jwks.json");
	assert_non_null(strstr(test.config.auth.jwt_public_key, "MFkw"));
}

static void a_size_is_bytes_or_has_a_unit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {{"BODY_MEMORY_MAX=65536", 65536}, {"BODY_MEMORY_MAX=64KiB", 65536}, {"BODY_MEMORY_MAX=1MiB", 1 << 20}};
	for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
		assert_int_equal(load(NULL, LIST(sizes[i].text)), CONFIG_OK);
		assert_true(test.config.http.body_memory_max == sizes[i].bytes);
	}
	assert_int_equal(load(NULL, LIST("BODY_MEMORY_MAX=1KiB")), CONFIG_BAD_VALUE);
	assert_non_null(strstr(test.message, "from 64KiB to 1024GiB"));
}

static void a_flag_wins_over_the_environment(void **state)
{
	(void)state;
	assert_int_equal(load(LIST("--hold-ttl", "7s", "--log-level=error", "--hold-ttl=8s"),
	                      LIST("HOLD_TTL=9s", "ORDER_TTL=10s", "LOG_LEVEL=debug")),
	                 CONFIG_OK);
	assert_int_equal(test.config.sales.hold_ttl_ms, 8000);
	assert_int_equal(test.config.sales.order_ttl_ms, 10000);
	assert_int_equal(test.config.log_level, LOG_ERROR);
}

static void an_empty_value_counts_as_not_set(void **state)
{
	(void)state;
	assert_int_equal(
		load(LIST("--order-ttl=", "--redis-addr", ""), LIST("HOLD_TTL=", "ORDER_TTL=1s", "REDIS_ADDR=redis:6379", "JWT_SECRET=")),
		CONFIG_OK);
	assert_int_equal(test.config.sales.hold_ttl_ms, 5 * 60 * 1000);
	assert_int_equal(test.config.sales.order_ttl_ms, 15 * 60 * 1000);
	assert_null(test.config.systems.redis);
	assert_int_equal(test.config.auth.jwt_secrets.count, 0);
}

static void unknown_arguments_are_left_to_the_command(void **state)
{
	(void)state;
	assert_int_equal(
		load(LIST("serve", "--listen-addr", ":1", "--listen-addresses", "x", "--json", "-v", "--", "--log-level", "nonsense"),
	             NULL),
		CONFIG_OK);
	assert_string_equal(test.config.http.listen.items[0].host, "");
	static const char *const kept[] = {"tro", "serve", "--listen-addresses", "x", "--json", "-v", "--", "--log-level", "nonsense"};
	assert_int_equal(test.argc, ARRAY_LENGTH(kept));
	for (size_t i = 0; i < ARRAY_LENGTH(kept); i++)
		assert_string_equal(test.argv[i], kept[i]);
	assert_null(test.argv[test.argc]);
}

static void a_flag_needs_its_value(void **state)
{
	(void)state;
	assert_int_equal(load(LIST("--json", "--listen-addr"), NULL), CONFIG_WRONG_USAGE);
	assert_string_equal(test.message, "--listen-addr needs a value");
}

static void a_bad_value_is_named_with_what_is_accepted(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"HOLD_TTL=5x", "HOLD_TTL: '5x' is not accepted; it must be a duration such as 90s, 5m or 1h30m, from 10ms to 30d"},
		{"HTTP_THREADS=0", "HTTP_THREADS: '0' is not accepted; it must be a whole number from 1 to 64"},
		{"JWT_SECRET=short",
	         "JWT_SECRET: '***' is not accepted; it must be at most 8 secrets with commas between, each of at least 32 bytes"},
		{"RABBIT_URL=http://u:pw@x",
	         "RABBIT_URL: 'http://***' is not accepted; it must be a URL that starts with amqp:// or amqps://"},
		{"LOG_LEVEL=a\nb\x01", "LOG_LEVEL: 'a\\nb\\x01' is not accepted; it must be debug, info, warn or error"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(load(NULL, LIST(cases[i][0])), CONFIG_BAD_VALUE);
		assert_string_equal(test.message, cases[i][1]);
	}
}

static void bad_values_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {"LISTEN_ADDR=localhost",
	                                      "LISTEN_ADDR=8080",
	                                      "LISTEN_ADDR=localhost:",
	                                      "LISTEN_ADDR=localhost:65536",
	                                      "LISTEN_ADDR=localhost:-1",
	                                      "LISTEN_ADDR=::1:80",
	                                      "LISTEN_ADDR=[::1]",
	                                      "LISTEN_ADDR=[::1]x:80",
	                                      "LISTEN_ADDR=[127.0.0.1]:80",
	                                      "LISTEN_ADDR=a b:80",
	                                      "LISTEN_ADDR=http://a:80",
	                                      "HOLD_TTL=0s",
	                                      "HOLD_TTL=5",
	                                      "HOLD_TTL=-5s",
	                                      "HOLD_TTL=31d",
	                                      "HOLD_TTL=9ms",
	                                      "ORDER_TTL=5 m",
	                                      "SEATS_PER_HOLD_MAX=101",
	                                      "SEATS_PER_HOLD_MAX=0",
	                                      "SEATS_PER_HOLD_MAX=ten",
	                                      "SEATS_PER_HOLD_MAX=4294967297",
	                                      "SEATS_PER_HOLD_MAX= 1",
	                                      "HTTP_THREADS=65",
	                                      "HTTP_THREADS=2.0",
	                                      "BODY_MEMORY_MAX=1",
	                                      "BODY_MEMORY_MAX=256MB",
	                                      "BODY_MEMORY_MAX=256 MiB",
	                                      "BODY_MEMORY_MAX=MiB",
	                                      "BODY_MEMORY_MAX=1025GiB",
	                                      "BODY_MEMORY_MAX=18446744073709551616GiB",
	                                      "RATE_LIMIT_USER=100",
	                                      "RATE_LIMIT_USER=0/1m",
	                                      "RATE_LIMIT_USER=100/1ms",
	                                      "RATE_LIMIT_USER=OFF",
	                                      "PAYMENT_AMOUNT=yes",
	                                      "RATE_LIMIT_IP=1000001/1m",
	                                      "RATE_LIMIT_IP=1/2d",
	                                      "TRUSTED_PROXIES=proxy.example",
	                                      "TRUSTED_PROXIES=10.0.0.0/33",
	                                      "TRUSTED_PROXIES=::1,",
	                                      "CORS_ALLOWED_ORIGINS=*",
	                                      "CORS_ALLOWED_ORIGINS=shop.example",
	                                      "CORS_ALLOWED_ORIGINS=https://shop.example/",
	                                      "CORS_ALLOWED_ORIGINS=https://",
	                                      "CORS_ALLOWED_ORIGINS=https://Shop.example",
	                                      "CORS_ALLOWED_ORIGINS=https://a.example,,https://b.example",
	                                      "CORS_ALLOWED_ORIGINS=null",
	                                      "CORS_ALLOWED_ORIGINS=https://a.example,ftp://a",
	                                      "CORS_ALLOWED_ORIGINS=https:a",
	                                      "CORS_ALLOWED_ORIGINS=https://a b",
	                                      "HTTP_THREADS=02",
	                                      "LOG_LEVEL=INFO",
	                                      "LOG_LEVEL=verbose",
	                                      "JWT_SECRET=0123456789abcdef0123456789abcde",
	                                      "PAYMENT_SECRET=" SECRET ",short",
	                                      "PAYMENT_SECRET=" SECRET ",",
	                                      "CRDB_DSN=db",
	                                      "CRDB_DSN=mysql://db",
	                                      "CRDB_DSN=mysql://db?x=y",
	                                      "MONGO_URI=mongodb://",
	                                      "MONGO_URI=cluster.example",
	                                      "REDIS_ADDR=redis",
	                                      "RABBIT_URL=amqp://a b",
	                                      "JWT_JWKS_URL=ftp://x",
	                                      "JWT_PUBLIC_KEY=MFkw",
	                                      "JWT_ISSUER=a\nb",
	                                      "JWT_PUBLIC_KEY=-----BEGIN PUBLIC KEY-----\nMFkw",
	                                      "OTEL_EXPORTER_OTLP_ENDPOINT=collector:4317",
	                                      "OTEL_EXPORTER_OTLP_PROTOCOL=http/json",
	                                      "OTEL_EXPORTER_OTLP_TIMEOUT=10s",
	                                      "OTEL_EXPORTER_OTLP_COMPRESSION=zstd",
	                                      "OTEL_TRACES_SAMPLER=sometimes",
	                                      "OTEL_TRACES_SAMPLER_ARG=1.1",
	                                      "OTEL_TRACES_SAMPLER_ARG=1e-3",
	                                      "OTEL_TRACES_SAMPLER_ARG=.",
	                                      "OTEL_SDK_DISABLED=yes"};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		test.config.http.threads = 77;
		if (load(NULL, LIST(refused[i])) != CONFIG_BAD_VALUE)
			fail_msg("taken: %s", refused[i]);
		assert_int_equal(test.config.http.threads, 77);
		assert_null(strchr(test.message, '\n'));
		size_t name_length = strcspn(refused[i], "=");
		assert_memory_equal(test.message, refused[i], name_length);
	}
}

static const char *printed(void (*write)(struct buffer *buffer))
{
	struct buffer buffer;
	buffer_init(&buffer, &test.arena, 1 << 16);
	if (write == NULL)
		config_print(&test.config, &buffer);
	else
		write(&buffer);
	buffer_append_byte(&buffer, '\0');
	assert_false(buffer.failed);
	return buffer.data;
}

static void the_configuration_is_printed_by_where_it_comes_from(void **state)
{
	(void)state;
	assert_int_equal(load(LIST("--log-level", "debug"), LIST("HOLD_TTL=1s", "JWT_SECRET=" SECRET, "PAYMENT_SECRET=" SECRET)),
	                 CONFIG_OK);
	const char *text = printed(NULL);
	const char *start = "# from flags\nLOG_LEVEL=debug\n# from the environment\nHOLD_TTL=1s\nJWT_SECRET=***\nPAYMENT_SECRET=***\n"
			    "# by default\nLISTEN_ADDR=127.0.0.1:8080\n";
	assert_memory_equal(text, start, strlen(start));
	assert_null(strstr(text, SECRET));
	assert_non_null(strstr(text, "# not set\n"));
	assert_non_null(strstr(text, "\n# REDIS_ADDR=\n"));
	assert_null(strstr(text, "# HOLD_TTL"));
}

static void no_password_is_shown(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{"MONGO_URI=mongodb://user:pa:ss@a,b/db?x=1&authMechanismProperties=AWS_SESSION_TOKEN:abc&y=2", "mongodb://***/db?***"},
		{"MONGO_URI=mongodb://user@a/db", "mongodb://***/db"},
		{"MONGO_URI=mongodb://a/db?tlsCertificateKeyFilePassword=pw", "mongodb://***/db?***"},
		{"RABBIT_URL=amqp://user:p@ss/word?x@host:5672/vhost", "amqp://***/vhost"},
		{"RABBIT_URL=amqp://host:5672", "amqp://***"},
		{"RABBIT_URL=amqp://user:@host", "amqp://***"},
		{"CRDB_DSN=host=db user=tro password=secret dbname=tro", "***"},
		{"CRDB_DSN=password='se cr\\'et' host=db", "***"},
		{"CRDB_DSN=host=db password=a&b://c@d:e port=1", "***"},
		{"CRDB_DSN=postgresql://tro:secret@db:5432/tro?sslmode=require&sslpassword=x", "postgresql://***/tro?***"},
		{"CRDB_DSN=postgresql://db/tro?user=tro&password=secret", "postgresql://***/tro?***"},
		{"CRDB_DSN=postgresql://db/tro?password=a:b@c", "postgresql://***"},
		{"CRDB_DSN=postgresql://u:password=x@db/tro", "postgresql://***/tro"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=https://collector/?api_token=abc", "https://***/?***"},
		{"JWT_PUBLIC_KEY=-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
	         "***"}, /* a private one may stand behind it */
		{"REDIS_ADDR=redis://:secret@cache:6379/0", "redis://***/0"},
		{"REDIS_ADDR=127.0.0.1:6379, [::1]:7000", "127.0.0.1:6379, [::1]:7000"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
		char expected[256];
		assert_int_equal(load(NULL, LIST(pairs[i][0])), CONFIG_OK);
		snprintf(expected, sizeof expected, "# from the environment\n%.*s%s\n# by default\n", (int)strcspn(pairs[i][0], "=") + 1,
		         pairs[i][0], pairs[i][1]);
		const char *text = printed(NULL);
		if (strncmp(text, expected, strlen(expected)) != 0)
			fail_msg("%s\nnot\n%s", text, expected);
	}
}

static void write_help(struct buffer *buffer)
{
	config_write_help(NULL, CONFIG_READERS, buffer);
}

static void a_program_may_start_from_its_own_address(void **state)
{
	(void)state;
	const struct config_initial own = {"LISTEN_ADDR", "127.0.0.1:8081"};
	assert_int_equal(load_for(&own, NULL, NULL), CONFIG_OK);
	assert_int_equal(test.config.http.listen.items[0].port, 8081);
	assert_int_equal(load_for(&own, LIST("--listen-addr="), LIST("LISTEN_ADDR=localhost:1")), CONFIG_OK);
	assert_int_equal(test.config.http.listen.items[0].port, 8081);
	assert_int_equal(load_for(&own, NULL, LIST("LISTEN_ADDR=localhost:1")), CONFIG_OK);
	assert_int_equal(test.config.http.listen.items[0].port, 1);
	struct buffer help;
	buffer_init(&help, &test.arena, 1 << 16);
	config_write_help(&own, 0, &help);
	buffer_append_byte(&help, '\0');
	assert_non_null(strstr(help.data, "[127.0.0.1:8081]\n"));
}

static void help_lists_what_the_program_uses(void **state)
{
	(void)state;
	static const struct {
		uint32_t readers;
		bool has_api, has_publisher;
	} cases[] = {
		{0, false, false}, {CONFIG_READER_API, true, false}, {CONFIG_READER_PUBLISHER, false, true}, {CONFIG_READERS, true, true}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct buffer help;
		buffer_init(&help, &test.arena, 1 << 16);
		config_write_help(NULL, cases[i].readers, &help);
		buffer_append_byte(&help, '\0');
		assert_int_equal(strstr(help.data, "--rate-limit-user") != NULL, cases[i].has_api);
		assert_int_equal(strstr(help.data, "--rabbit-url") != NULL, cases[i].has_publisher);
		assert_non_null(strstr(help.data, "--crdb-dsn"));
	}
}

/* A file of the test's own with that content; the path stays good until the next one. */
static const char *file_with(const char *content, size_t length)
{
	static char path[64];
	snprintf(path, sizeof path, "/tmp/test_config_%d", (int)getpid());
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(file >= 0);
	assert_int_equal(write(file, content, length), (ssize_t)length);
	close(file);
	return path;
}

static char *setting(const char *name, const char *value)
{
	return (char *)(uintptr_t)arena_format(&test.arena, "%s=%s", name, value).data;
}

static void a_secret_may_stand_in_a_file(void **state)
{
	(void)state;
	static const char *const contents[] = {SECRET, SECRET "\n", SECRET "\r\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(contents); i++) {
		const char *path = file_with(contents[i], strlen(contents[i]));
		assert_int_equal(load(NULL, LIST(setting("JWT_SECRET_FILE", path))), CONFIG_OK);
		assert_int_equal(test.config.auth.jwt_secrets.count, 1);
		assert_true(slice_equal_string(test.config.auth.jwt_secrets.items[0], SECRET));
		assert_int_equal(load(LIST("--jwt-secret-file", path), NULL), CONFIG_OK);
		assert_int_equal(test.config.auth.jwt_secrets.count, 1);
	}
	const char *path = file_with("host=db password=pw\n", 20);
	assert_int_equal(load(NULL, LIST(setting("CRDB_DSN_FILE", path))), CONFIG_OK);
	assert_string_equal(test.config.systems.crdb_dsn, "host=db password=pw");
	path = file_with("amqp://u:pw@x/\n", 15);
	assert_int_equal(load(NULL, LIST(setting("RABBIT_URL_FILE", path))), CONFIG_OK);
	assert_string_equal(test.config.systems.rabbit_url, "amqp://u:pw@x/");
	const char *text = printed(NULL);
	assert_non_null(strstr(text, setting("RABBIT_URL_FILE", path)));
	assert_null(strstr(text, "amqp"));
	assert_int_equal(load(LIST("--hold-ttl-file", path), NULL), CONFIG_OK); /* a command's flag, not ours */
	assert_int_equal(test.argc, 3);
	unlink(path);
}

static void a_credential_is_found_in_its_folder(void **state)
{
	(void)state;
	const char *path = file_with(SECRET, strlen(SECRET));
	const char *name = strrchr(path, '/') + 1;
	assert_int_equal(load(NULL, LIST("CREDENTIALS_DIRECTORY=/tmp", setting("JWT_SECRET_FILE", name))), CONFIG_OK);
	assert_true(slice_equal_string(test.config.auth.jwt_secrets.items[0], SECRET));
	unlink(path);
}

static void the_path_of_a_file_is_printed_on_one_line(void **state)
{
	(void)state;
	static char path[64];
	snprintf(path, sizeof path, "/tmp/test_config_%d_a\n# b", (int)getpid());
	assert_int_equal(rename(file_with(SECRET, strlen(SECRET)), path), 0);
	assert_int_equal(load(NULL, LIST(setting("JWT_SECRET_FILE", path))), CONFIG_OK);
	assert_non_null(strstr(printed(NULL), "_a\\n# b\n"));
	unlink(path);
}

static void a_file_and_a_value_contradict_each_other(void **state)
{
	(void)state;
	const char *path = file_with(OTHER_SECRET, strlen(OTHER_SECRET));
	assert_int_equal(load(NULL, LIST("JWT_SECRET=" SECRET, setting("JWT_SECRET_FILE", path))), CONFIG_BAD_VALUE);
	assert_string_equal(test.message, "JWT_SECRET and JWT_SECRET_FILE are both set: set one");
	assert_int_equal(load(LIST("--jwt-secret=" SECRET, "--jwt-secret-file", path), NULL), CONFIG_BAD_VALUE);
	assert_int_equal(load(LIST("--jwt-secret=" SECRET), LIST(setting("JWT_SECRET_FILE", path))), CONFIG_OK);
	assert_true(slice_equal_string(test.config.auth.jwt_secrets.items[0], SECRET));
	assert_int_equal(load(LIST("--jwt-secret-file", path), LIST("JWT_SECRET=" SECRET)), CONFIG_OK);
	assert_true(slice_equal_string(test.config.auth.jwt_secrets.items[0], OTHER_SECRET));
	assert_int_equal(load(LIST("--jwt-secret-file="), LIST("JWT_SECRET=" SECRET, setting("JWT_SECRET_FILE", path))), CONFIG_OK);
	assert_true(slice_equal_string(test.config.auth.jwt_secrets.items[0], SECRET));
	unlink(path);
}

static void assert_refused_file(const char *path, const char *why)
{
	assert_int_equal(load(NULL, LIST(setting("PAYMENT_SECRET_FILE", path))), CONFIG_BAD_VALUE);
	assert_string_equal(test.message, arena_format(&test.arena, "PAYMENT_SECRET_FILE: %s", why).data);
}

static void a_file_that_gives_no_secret_is_named(void **state)
{
	(void)state;
	static char large[70000];
	memset(large, 'x', sizeof large);
	assert_refused_file("/nowhere/secret", "/nowhere/secret cannot be read: No such file or directory");
	assert_refused_file("/nowhere/on\ntwo", "/nowhere/on?two cannot be read: No such file or directory");
	assert_refused_file("/tmp", "/tmp cannot be read: Is a directory");
	const char *path = file_with("", 0);
	assert_refused_file(path, arena_format(&test.arena, "%s is empty", path).data);
	assert_refused_file(file_with("\n", 1), arena_format(&test.arena, "%s is empty", path).data);
	assert_refused_file(file_with(large, sizeof large),
	                    arena_format(&test.arena, "%s is too long: at most 65536 bytes are read", path).data);
	assert_refused_file(file_with("a\0b", 3), arena_format(&test.arena, "%s is not a text: it has a zero byte", path).data);
	assert_refused_file(
		file_with("hunter2", 7),
		arena_format(&test.arena,
	                     "'***' in %s is not accepted; it must be at most 8 secrets with commas between, each of at least 32 bytes",
	                     path)
			.data);
	unlink(path);
}

static void secrets_are_wiped_from_the_arguments(void **state)
{
	(void)state;
	assert_int_equal(load(LIST("--jwt-secret", SECRET, "--rabbit-url=amqp://u:hunter2@x/", "--listen-addr", ":1"), NULL), CONFIG_OK);
	assert_true(slice_equal_string(test.config.auth.jwt_secrets.items[0], SECRET));
	assert_string_equal(test.config.systems.rabbit_url, "amqp://u:hunter2@x/");
	assert_string_equal(test.given[2], "***");
	assert_string_equal(test.given[3], "--rabbit-url=***");
	assert_string_equal(test.given[5], ":1");
	for (size_t i = 3; i < strlen(SECRET); i++)
		assert_int_equal(test.given[2][i], 0);
}

static void help_and_table_name_every_key(void **state)
{
	(void)state;
	const char *help = printed(write_help);
	const char *table = printed(config_write_markdown);
	assert_non_null(strstr(help, "  --listen-addr LIST "));
	assert_non_null(strstr(help, "[127.0.0.1:8080]\n"));
	assert_non_null(strstr(help, "  --otel-exporter-otlp-endpoint URL "));
	assert_non_null(strstr(table, "| `SEATS_PER_HOLD_MAX` | `10` | a whole number from 1 to 100 | Seats that one hold may have. |\n"));
	static const char *const names[] = {"LISTEN_ADDR",        "DATA_DIR",
	                                    "HOLD_TTL",           "ORDER_TTL",
	                                    "SEATS_PER_HOLD_MAX", "HTTP_THREADS",
	                                    "JWT_SECRET",         "JWT_ISSUER",
	                                    "JWT_AUDIENCE",       "PAYMENT_SECRET",
	                                    "RATE_LIMIT_USER",    "RATE_LIMIT_IP",
	                                    "TRUSTED_PROXIES",    "CORS_ALLOWED_ORIGINS",
	                                    "LOG_LEVEL",          "CRDB_DSN",
	                                    "MONGO_URI",          "REDIS_ADDR",
	                                    "RABBIT_URL",         "OTEL_EXPORTER_OTLP_ENDPOINT",
	                                    "RABBIT_BATCH",       "JWT_PUBLIC_KEY",
	                                    "JWT_JWKS_URL",       "RATE_LIMIT_SERVICE",
	                                    "PAYMENT_AMOUNT"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		char cell[64];
		snprintf(cell, sizeof cell, "| `%s` |", names[i]);
		assert_non_null(strstr(table, cell));
	}
}

static const char *env_file(const char *text)
{
	static char path[] = "/tmp/tro-test-env-XXXXXX";
	memcpy(path + sizeof path - 7, "XXXXXX", 6);
	int file = mkstemp(path);
	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(file), 0);
	return path;
}

static void settings_of_a_file_come_behind_the_environment_and_flags(void **state)
{
	(void)state;
	const char *path = env_file(
		"# HOLD_TTL=1m\n; more\n\n  HOLD_TTL=7m \r\nORDER_TTL=\"9m\"\nDATA_DIR='/var/lib/a \\\"b'\nJWT_LEEWAY=3s\nUNKNOWN=1");
	const char *const flags[] = {"--env-file", path, "rest", "--jwt-leeway=1s", NULL};
	const char *const environment[] = {"ORDER_TTL=4m", NULL};
	assert_int_equal(load(flags, environment), CONFIG_OK);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(test.config.sales.hold_ttl_ms, 7 * 60000);
	assert_int_equal(test.config.sales.order_ttl_ms, 4 * 60000);
	assert_int_equal(test.config.auth.jwt_leeway_ms, 1000);
	assert_string_equal(test.config.systems.data_dir, "/var/lib/a \\\"b");
	assert_int_equal(test.argc, 2);
	assert_string_equal(test.argv[1], "rest");
}

static void a_file_of_settings_that_is_wrong_is_named_with_its_line(void **state)
{
	(void)state;
	static const char *const wrong[] = {"A=1\nexport B=2\n", "A=1\nnothing", "A=1\n=2", "A=1\nB=\"x\" y", "A=1\nB='x"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		const char *path = env_file(wrong[i]);
		const char *const flags[] = {"--env-file", path, NULL};
		assert_int_equal(load(flags, NULL), CONFIG_BAD_VALUE);
		assert_int_equal(unlink(path), 0);
		assert_non_null(strstr(test.message, path));
		assert_non_null(strstr(test.message, ":2: must be NAME=value"));
	}
	const char *const missing[] = {"--env-file=/nowhere/tro.env", NULL};
	assert_int_equal(load(missing, NULL), CONFIG_BAD_VALUE);
	assert_string_equal(test.message, "--env-file: /nowhere/tro.env cannot be read: No such file or directory");
	const char *const alone[] = {"--env-file", NULL};
	assert_int_equal(load(alone, NULL), CONFIG_WRONG_USAGE);
	const char *const behind[] = {"--", "--env-file", "x", NULL};
	assert_int_equal(load(behind, NULL), CONFIG_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_anything_the_defaults_hold, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_program_may_start_from_its_own_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(help_lists_what_the_program_uses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_kind_of_value_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_size_is_bytes_or_has_a_unit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_flag_wins_over_the_environment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_empty_value_counts_as_not_set, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_arguments_are_left_to_the_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_flag_needs_its_value, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_bad_value_is_named_with_what_is_accepted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_values_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_configuration_is_printed_by_where_it_comes_from, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_password_is_shown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_secret_may_stand_in_a_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_credential_is_found_in_its_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_path_of_a_file_is_printed_on_one_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_and_a_value_contradict_each_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_gives_no_secret_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(secrets_are_wiped_from_the_arguments, set_up, tear_down),
		cmocka_unit_test_setup_teardown(settings_of_a_file_come_behind_the_environment_and_flags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_of_settings_that_is_wrong_is_named_with_its_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(help_and_table_name_every_key, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
