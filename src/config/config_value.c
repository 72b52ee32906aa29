/* config_value.c: one parser for each kind of value. */
#include "config/config_value.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/cidr.h"
#include "base/decimal.h"
#include "base/rate.h"
#include "base/time.h"
#include "base/utf8.h"
#include "config/config.h"

#define UNIX_PATH_SIZE 108 /* of sockaddr_un */

static bool starts_with(struct slice text, struct slice start)
{
	return text.length >= start.length && memcmp(text.data, start.data, start.length) == 0;
}

static bool is_host_name(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_')
			return false;
	}
	return true;
}

/* Splits host:port, or [IPv6]:port, into the host without brackets and the port. */
static bool split_address(struct slice text, struct slice *ret_host, uint64_t *ret_port)
{
	const char *colon = memrchr(text.data, ':', text.length);
	if (colon == NULL)
		return false;
	struct slice host = {.data = text.data, .length = (size_t)(colon - text.data)};
	struct slice port = {.data = colon + 1, .length = text.length - host.length - 1};
	if (!decimal_parse(port, UINT16_MAX, ret_port))
		return false;
	if (host.length >= 2 && host.data[0] == '[' && host.data[host.length - 1] == ']') {
		struct ip_address address;
		*ret_host = (struct slice){.data = host.data + 1, .length = host.length - 2};
		return memchr(host.data, ':', host.length) != NULL && ip_address_parse(*ret_host, &address);
	}
	*ret_host = host;
	return is_host_name(host);
}

static bool parse_address(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	struct slice host;
	uint64_t port;
	if (!split_address(text, &host, &port))
		return false;
	struct slice copy = arena_copy(arena, host);
	if (copy.data == NULL)
		return false;
	*(struct config_address *)target = (struct config_address){.host = copy.data, .port = (uint16_t)port};
	return true;
}

/* unix:/path, or host:port */
static bool parse_socket(struct slice text, struct arena *arena, struct config_address *ret_address)
{
	const struct slice scheme = SLICE("unix:");
	if (!starts_with(text, scheme))
		return parse_address(NULL, text, arena, ret_address);
	struct slice path = {.data = text.data + scheme.length, .length = text.length - scheme.length};
	if (path.length < 2 || path.data[0] != '/' || path.length >= UNIX_PATH_SIZE)
		return false;
	*ret_address = (struct config_address){.host = "", .path = arena_copy(arena, path).data};
	return ret_address->path != NULL;
}

static bool parse_listen(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	struct config_addresses addresses = {0};
	struct slice rest = text;
	struct slice part;
	while (slice_cut(&rest, ',', &part)) {
		if (addresses.count == CONFIG_ADDRESSES_MAX || !parse_socket(slice_trim(part), arena, &addresses.items[addresses.count]))
			return false;
		addresses.count++;
	}
	*(struct config_addresses *)target = addresses;
	return addresses.count > 0;
}

static bool parse_addresses(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	return cidr_list_parse(text, target);
}

static bool is_one_line(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f)
			return false;
	}
	return true;
}

static bool parse_url(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)arena;
	struct slice schemes = slice_of(key->schemes);
	struct slice scheme;
	while (slice_cut(&schemes, ' ', &scheme)) {
		if (starts_with(text, scheme) && text.length > scheme.length && is_one_line(text)) {
			*(const char **)target = text.data;
			return true;
		}
	}
	return false;
}

/* Whether the keywords are known is for libpq to say. */
static bool parse_dsn(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	const char *equals = memchr(text.data, '=', text.length);
	if (equals == NULL || equals == text.data || memmem(text.data, (size_t)(equals - text.data), "://", 3) != NULL)
		return parse_url(key, text, arena, target);
	*(const char **)target = text.data;
	return true;
}

static bool parse_duration(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)arena;
	uint64_t ms;
	if (!duration_parse(text, &ms) || ms < key->minimum || ms > key->maximum)
		return false;
	*(uint64_t *)target = ms;
	return true;
}

static bool parse_integer(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)arena;
	uint64_t integer;
	if (!decimal_parse(text, key->maximum, &integer) || integer < key->minimum)
		return false;
	*(uint32_t *)target = (uint32_t)integer;
	return true;
}

static bool parse_level(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	static const char *const names[] = {[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
	for (uint32_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (slice_equal_string(text, names[i])) {
			*(enum log_level *)target = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static bool parse_format(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	bool is_text = slice_equal_string(text, "text");
	if (!is_text && !slice_equal_string(text, "json"))
		return false;
	*(enum log_format *)target = is_text ? LOG_TEXT : LOG_JSON;
	return true;
}

/* As a browser writes it: scheme and host in lower case, a port only when it is not the usual one, nothing behind. */
static bool is_origin(struct slice text)
{
	struct slice rest = text;
	if (starts_with(text, SLICE("https://")))
		rest = (struct slice){.data = text.data + 8, .length = text.length - 8};
	else if (starts_with(text, SLICE("http://")))
		rest = (struct slice){.data = text.data + 7, .length = text.length - 7};
	else
		return false;
	for (size_t i = 0; i < rest.length; i++) {
		if (rest.data[i] >= 'A' && rest.data[i] <= 'Z')
			return false;
	}
	struct slice host;
	uint64_t port;
	return split_address(rest, &host, &port) ? host.length > 0 : rest.length > 0 && is_host_name(rest);
}

static bool parse_origins(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	struct config_list list = {0};
	struct slice rest = text;
	struct slice part;
	while (slice_cut(&rest, ',', &part)) {
		struct slice origin = slice_trim(part);
		if (list.count == CONFIG_LIST_MAX || !is_origin(origin))
			return false;
		list.items[list.count] = arena_copy(arena, origin).data;
		if (list.items[list.count++] == NULL)
			return false;
	}
	*(struct config_list *)target = list;
	return true;
}

static bool parse_path(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	*(const char **)target = text.data;
	return true;
}

static bool parse_pem(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	if (!starts_with(text, SLICE("-----BEGIN PUBLIC KEY-----")) || strstr(text.data, "-----END PUBLIC KEY-----") == NULL)
		return false;
	*(const char **)target = text.data;
	return true;
}

static bool parse_rate(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	return rate_parse(text, target);
}

/* The adapter reads the parts. */
static bool parse_redis(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	if (parse_url(key, text, arena, target))
		return true;
	struct slice rest = text;
	struct slice part, host;
	uint64_t port;
	while (slice_cut(&rest, ',', &part)) {
		if (!split_address(slice_trim(part), &host, &port) || host.length == 0 || port == 0)
			return false;
	}
	*(const char **)target = text.data;
	return true;
}

static bool parse_secret(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)arena;
	if (text.length < key->minimum)
		return false;
	*(struct slice *)target = text;
	return true;
}

static bool parse_secrets(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)arena;
	struct config_secrets secrets = {0};
	struct slice rest = text;
	struct slice part;
	while (slice_cut(&rest, ',', &part)) {
		struct slice secret = slice_trim(part);
		if (secrets.count == CONFIG_SECRETS_MAX || secret.length < key->minimum)
			return false;
		secrets.items[secrets.count++] = secret;
	}
	*(struct config_secrets *)target = secrets;
	return true;
}

/* Bytes, or a number with KiB, MiB or GiB behind it. */
static bool parse_size(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)arena;
	static const struct {
		const char *name;
		uint32_t shift;
	} units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
	uint32_t shift = 0;
	for (uint32_t i = 0; shift == 0 && i < ARRAY_LENGTH(units); i++) {
		if (text.length > 3 && memcmp(text.data + text.length - 3, units[i].name, 3) == 0)
			shift = units[i].shift;
	}
	uint64_t number;
	text.length -= shift > 0 ? 3 : 0;
	if (!decimal_parse(text, key->maximum >> shift, &number) || number << shift < key->minimum)
		return false;
	*(uint64_t *)target = number << shift;
	return true;
}

static void append_size(struct buffer *buffer, uint64_t size)
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB"};
	uint32_t unit = 0;
	for (; unit + 1 < ARRAY_LENGTH(units) && size >= 1024 && size % 1024 == 0; unit++)
		size /= 1024;
	buffer_append_format(buffer, "%" PRIu64 "%s", size, units[unit]);
}

static bool parse_text(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	if (!utf8_is_printable(text))
		return false;
	*(struct slice *)target = text;
	return true;
}

static bool parse_choice(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)arena;
	struct slice words = slice_of(key->schemes);
	struct slice word;
	while (slice_cut(&words, ' ', &word)) {
		if (slice_equal(word, text)) {
			*(const char **)target = text.data;
			return true;
		}
	}
	return false;
}

/* Digits with at most one point among them: no exponent, and no point of the locale's. */
static bool parse_ratio(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	double ratio = 0, unit = 1;
	uint32_t digits = 0, points = 0;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];
		bool is_digit = c >= '0' && c <= '9';
		if (!is_digit && c != '.')
			return false;
		digits += is_digit;
		points += !is_digit;
		unit = is_digit && points > 0 ? unit / 10 : unit;
		if (is_digit)
			ratio = points > 0 ? ratio + unit * (c - '0') : ratio * 10 + (c - '0');
	}
	if (digits == 0 || digits > 17 || points > 1 || ratio > 1)
		return false;
	*(double *)target = ratio;
	return true;
}

static bool parse_required(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	bool is_required = slice_equal_string(text, "required");
	if (!is_required && !slice_equal_string(text, "optional"))
		return false;
	*(bool *)target = is_required;
	return true;
}

static bool is_word(struct slice text, const char *word)
{
	assert(word != NULL);
	return text.length == strlen(word) && strncasecmp(text.data, word, text.length) == 0;
}

static bool parse_truth(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	(void)key;
	(void)arena;
	/* In any case of letters, as OpenTelemetry has it for OTEL_SDK_DISABLED. */
	bool is_true = is_word(text, "true");
	if (!is_true && !is_word(text, "false"))
		return false;
	*(bool *)target = is_true;
	return true;
}

struct config_kind_row {
	bool (*parse)(const struct config_key *key, struct slice text, struct arena *arena, void *target);
	const char *placeholder;
	const char *accepted;
};

static const struct config_kind_row kinds[CONFIG_KIND_COUNT] = {
	[CONFIG_ADDRESS] = {parse_address, "HOST:PORT", "host:port, such as 127.0.0.1:8080, [::1]:8080 or :8080"},
	[CONFIG_ADDRESSES] = {parse_addresses, "LIST", "addresses and CIDR blocks with commas between, such as 127.0.0.1,10.0.0.0/8,::1"},
	[CONFIG_CHOICE] = {parse_choice, "WORD", "one of"},
	[CONFIG_DSN] = {parse_dsn, "DSN", "keywords and values, such as host=db user=tro, or a URL that starts with"},
	[CONFIG_DURATION] = {parse_duration, "DURATION", "a duration such as 90s, 5m or 1h30m,"},
	[CONFIG_FORMAT] = {parse_format, "json|text", "json or text"},
	[CONFIG_INTEGER] = {parse_integer, "N", "a whole number"},
	[CONFIG_LISTEN] = {parse_listen, "LIST",
                           "at most 8 addresses with commas between, such as 127.0.0.1:8080, [::1]:8080, localhost:8080, :8080 or "
                           "unix:/run/tro/api.sock"},
	[CONFIG_LEVEL] = {parse_level, "LEVEL", "debug, info, warn or error"},
	[CONFIG_ORIGINS] = {parse_origins, "LIST",
                            "at most 16 origins with commas between, such as https://shop.example,http://localhost:3000"},
	[CONFIG_PATH] = {parse_path, "PATH", "a path"},
	[CONFIG_PEM] = {parse_pem, "PEM", "a public key in PEM, from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----"},
	[CONFIG_RATE] = {parse_rate, "RATE", "requests/duration, such as 100/1m, in whole seconds up to a day, or off"},
	[CONFIG_RATIO] = {parse_ratio, "RATIO", "a number from 0 to 1, such as 0.01"},
	[CONFIG_TRUTH] = {parse_truth, "true|false", "true or false"},
	[CONFIG_REQUIRED] = {parse_required, "optional|required", "optional or required"},
	[CONFIG_REDIS] = {parse_redis, "ADDRESS", "host:port, cluster nodes with commas between, or a URL that starts with"},
	[CONFIG_SECRET] = {parse_secret, "SECRET", "a secret"},
	[CONFIG_SECRETS] = {parse_secrets, "SECRETS", "at most 8 secrets with commas between, each"},
	[CONFIG_SIZE] = {parse_size, "SIZE", "bytes, or a number with KiB, MiB or GiB, such as 256MiB,"},
	[CONFIG_TEXT] = {parse_text, "TEXT", "printable text"},
	[CONFIG_URL] = {parse_url, "URL", "a URL that starts with"},
};

bool config_value_parse(const struct config_key *key, struct slice text, struct arena *arena, void *target)
{
	assert(key != NULL && key->kind < CONFIG_KIND_COUNT);
	assert(text.length > 0 && text.data[text.length] == '\0');

	return kinds[key->kind].parse(key, text, arena, target);
}

const char *config_placeholder(enum config_kind kind)
{
	assert(kind < CONFIG_KIND_COUNT);

	return kinds[kind].placeholder;
}

void config_accepted_write(struct buffer *buffer, const struct config_key *key)
{
	assert(buffer != NULL);
	assert(key != NULL && key->kind < CONFIG_KIND_COUNT);

	buffer_append_string(buffer, kinds[key->kind].accepted);
	if (key->kind == CONFIG_INTEGER)
		buffer_append_format(buffer, " from %" PRIu64 " to %" PRIu64, key->minimum, key->maximum);
	if (key->kind == CONFIG_DURATION) {
		char minimum[DURATION_TEXT_LENGTH + 1], maximum[DURATION_TEXT_LENGTH + 1];
		duration_format(key->minimum, minimum);
		duration_format(key->maximum, maximum);
		buffer_append_format(buffer, " from %s to %s", minimum, maximum);
	}
	if (key->kind == CONFIG_SIZE) {
		buffer_append_string(buffer, " from ");
		append_size(buffer, key->minimum);
		buffer_append_string(buffer, " to ");
		append_size(buffer, key->maximum);
	}
	if (key->kind == CONFIG_SECRET || key->kind == CONFIG_SECRETS)
		buffer_append_format(buffer, " of at least %" PRIu64 " bytes", key->minimum);

	struct slice schemes = slice_of(key->schemes);
	struct slice scheme;
	for (const char *between = " "; slice_cut(&schemes, ' ', &scheme); between = " or ")
		buffer_append_format(buffer, "%s%.*s", between, SLICE_PRINT(scheme));
}
