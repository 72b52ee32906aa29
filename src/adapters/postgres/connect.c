/* connect.c: lists of hosts become targets, which are tried one after the other.
 *
 * libpq's own loop over hosts waits for names without a limit, and for each address anew. So it is given one target at a time, with the
 * address looked up, and is not waited for longer than that target's part of the time. The name stays: certificates are checked against
 * it. */
#include "adapters/postgres/connect.h"

#include <assert.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/encryption.h"
#include "base/now.h"

#define SETTINGS_MAX 64
#define TARGETS_MAX 32
#define HOSTS_MAX 8
#define HOST_SIZE 256 /* the longest name that DNS has, and more */
#define CONNECT_MS 3000

struct target {
	char host[HOST_SIZE];                /* empty: libpq's default, or what hostaddr says */
	char address[RESOLVER_ADDRESS_SIZE]; /* empty: host is a socket's folder, or the default */
	char port[16];                       /* empty: the default */
};

/* Copies the item of a list with commas between; empty: there is none, or it is too long. Answers whether the list has it. */
static bool take_item(const char *list, uint32_t index, char *item, size_t size)
{
	assert(item != NULL && size > 0);
	item[0] = '\0';
	for (; list != NULL && index > 0; index--) {
		list = strchr(list, ',');
		list = list == NULL ? NULL : list + 1;
	}
	if (list == NULL)
		return false;
	size_t length = strcspn(list, ",");
	if (length < size)
		(void)snprintf(item, size, "%.*s", (int)length, list);
	return true;
}

/* One port may be for all hosts. */
static void take_port(const char *ports, uint32_t index, char port[static 16])
{
	bool is_for_all = ports == NULL || strchr(ports, ',') == NULL;
	(void)take_item(ports, is_for_all ? 0 : index, port, sizeof((struct target *)NULL)->port);
}

/* A path, or an abstract socket, or libpq's default: nothing to look up. */
static bool is_local(const char *host)
{
	assert(host != NULL);
	return host[0] == '\0' || host[0] == '/' || host[0] == '@';
}

/* The host's part of the time. */
static uint64_t part_of(uint64_t deadline_ns, uint32_t parts)
{
	assert(parts > 0);
	uint64_t now = monotonic_now_ns();
	return now >= deadline_ns ? now : now + (deadline_ns - now) / parts;
}

/* Puts a target for each address of the host at the end. */
static uint32_t add_host(struct connection *connection, struct target target, uint64_t deadline_ns,
                         struct target targets[static TARGETS_MAX], uint32_t count)
{
	assert(count < TARGETS_MAX);
	struct resolver_addresses addresses;
	char problem[RESOLVER_PROBLEM_MAX];
	if (is_local(target.host) || target.address[0] != '\0') {
		targets[count++] = target;
		return count;
	}
	if (resolver_find(connection->resolver, target.host, deadline_ns, &addresses, problem) != OK) {
		connection->is_silent = monotonic_now_ns() >= deadline_ns;
		connection_complain(connection, "cannot connect", problem);
		return count;
	}
	for (uint32_t i = 0; i < addresses.count && count < TARGETS_MAX - HOSTS_MAX; i++) {
		(void)snprintf(target.address, sizeof target.address, "%s", addresses.texts[i]);
		targets[count++] = target;
	}
	return count;
}

static uint32_t list_targets(struct connection *connection, uint64_t deadline_ns, struct target targets[static TARGETS_MAX])
{
	assert(connection->resolver != NULL);
	const char *hosts = connection_setting(connection, "host"), *addresses = connection_setting(connection, "hostaddr");
	const char *ports = connection_setting(connection, "port");
	uint32_t count = 0, left = 1;
	for (const char *c = hosts == NULL ? addresses : hosts; c != NULL && *c != '\0'; c++)
		left += *c == ',';
	if (left > HOSTS_MAX)
		left = HOSTS_MAX;
	for (uint32_t i = 0; left > 0; i++, left--) {
		struct target target;
		(void)take_item(hosts, i, target.host, sizeof target.host);
		(void)take_item(addresses, i, target.address, sizeof target.address);
		take_port(ports, i, target.port);
		/* Half of the time is kept for connecting. */
		count = add_host(connection, target, part_of(deadline_ns, left + 1), targets, count);
	}
	return count;
}

static void ignore_notice(void *context, const PGresult *notice)
{
	assert(notice != NULL);
	(void)context;
	(void)notice;
}

/* The DSN's settings, those of the target, and ours where the DSN has none. */
static PGconn *begin(const struct connection *connection, const struct target *target)
{
	assert(connection->settings != NULL && target != NULL);
	const char *mode = encryption_mode(connection, target->address);
	const struct {
		const char *keyword, *value;
		bool is_target;
	} ours[] = {
		{"host", target->host, true},
		{"hostaddr", target->address, true},
		{"port", target->port, true},
		{"sslmode", mode, false},
		{"sslrootcert", encryption_authorities(connection, mode), false},
		{"tcp_user_timeout", "10000", false},
		{"keepalives_idle", "5", false},
		{"keepalives_interval", "2", false},
		{"keepalives_count", "3", false},
		{"application_name", "tro", false},
		{"client_encoding", "UTF8", false},
	};
	const char *keywords[SETTINGS_MAX + ARRAY_LENGTH(ours) + 1] = {NULL}, *values[SETTINGS_MAX + ARRAY_LENGTH(ours) + 1] = {NULL};
	size_t count = 0;
	for (const PQconninfoOption *option = connection->settings; option->keyword != NULL && count < SETTINGS_MAX; option++) {
		if (option->val == NULL)
			continue;
		keywords[count] = option->keyword;
		values[count++] = option->val;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(ours); i++) { /* of a keyword that is there twice the last holds */
		if (ours[i].value == NULL ||
		    (ours[i].is_target ? ours[i].value[0] == '\0' : connection_setting(connection, ours[i].keyword) != NULL))
			continue;
		keywords[count] = ours[i].keyword;
		values[count++] = ours[i].value;
	}
	return PQconnectStartParams(keywords, values, 0);
}

/* The server may say something before it has let us in, and libpq would print it. */
static bool try_target(struct connection *connection, const struct target *target, uint64_t deadline_ns)
{
	assert(connection->handle == NULL);
	connection->handle = begin(connection, target);
	if (connection->handle == NULL) {
		connection_complain(connection, "cannot connect", "out of memory");
		return false;
	}
	(void)PQsetNoticeReceiver(connection->handle, ignore_notice, NULL);
	PostgresPollingStatusType status = PQstatus(connection->handle) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
	bool is_in_time = true;
	SSL *ssl = NULL;
	while (is_in_time && status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
		is_in_time = connection_wait(connection, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ns) != 0;
		if (is_in_time)
			status = PQconnectPoll(connection->handle);
		if (ssl == NULL)
			ssl = encryption_watch(connection->handle);
	}
	bool is_made = status == PGRES_POLLING_OK && PQsetnonblocking(connection->handle, 1) == 0;
	if (!is_made && is_in_time)
		encryption_complain(connection, ssl);
	else if (!is_made)
		connection_complain(connection, "cannot connect", "timeout expired");
	SSL_free(ssl);
	if (is_made)
		return true;
	connection->is_silent = !is_in_time;
	PQfinish(connection->handle);
	connection->handle = NULL;
	return false;
}

bool connect_session(struct connection *connection)
{
	assert(connection->handle == NULL && connection->settings != NULL);
	struct target targets[TARGETS_MAX];
	const char *timeout = connection_setting(connection, "connect_timeout");
	long seconds = timeout == NULL ? 0 : strtol(timeout, NULL, 10); /* 0 is libpq's for no limit: there is always one */
	uint64_t limit_ms = seconds > 0 ? (uint64_t)seconds * 1000 : CONNECT_MS;
	uint64_t deadline_ns = connection_deadline_ns(connection, limit_ms);
	uint32_t count = list_targets(connection, deadline_ns, targets);
	for (uint32_t i = 0; i < count; i++)
		if (try_target(connection, &targets[i], part_of(deadline_ns, count - i)))
			return true;
	return false;
}
