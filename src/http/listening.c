/* listening.c: see listening.h. */
#include "http/listening.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096
#define UNIX_MODE 0660 /* the proxy is in the group, or the folder lets nobody else in */

static void close_keeping_errno(int descriptor)
{
	int cause = errno;
	close(descriptor);
	errno = cause;
}

/* Accepted sockets inherit TCP_NODELAY. An IPv6 address of all zeros takes IPv4 clients too. */
static bool bind_internet(int descriptor, const struct sockaddr *address, socklen_t length)
{
	int on = 1, off = 0;
	if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
		return false;
	if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
		return false;
	if (address->sa_family == AF_INET6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
		return false;
	return bind(descriptor, address, length) == 0;
}

/* A socket that a server before this one has left is replaced; not one that somebody still listens on. */
static bool bind_unix(int descriptor, const struct sockaddr *address, socklen_t length)
{
	const char *path = ((const struct sockaddr_un *)(const void *)address)->sun_path;
	struct stat found;
	if (lstat(path, &found) == 0 && S_ISSOCK(found.st_mode)) {
		int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		bool is_abandoned = probe >= 0 && connect(probe, address, length) != 0 && errno == ECONNREFUSED;
		if (probe >= 0)
			close(probe);
		if (is_abandoned)
			(void)unlink(path);
	}
	return bind(descriptor, address, length) == 0 && chmod(path, UNIX_MODE) == 0;
}

static enum error add_socket(struct listening *listening, const struct sockaddr *address, socklen_t length)
{
	if (listening->count == HTTP_SOCKETS_MAX) {
		errno = ENOBUFS;
		return ERR_SYSTEM;
	}
	int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return ERR_SYSTEM;
	bool is_bound = address->sa_family == AF_UNIX ? bind_unix(descriptor, address, length) : bind_internet(descriptor, address, length);
	if (!is_bound || listen(descriptor, BACKLOG) != 0) {
		close_keeping_errno(descriptor);
		return ERR_SYSTEM;
	}
	listening->descriptors[listening->count++] = descriptor;
	return OK;
}

static enum error add_unix(struct listening *listening, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return ERR_SYSTEM;
	}
	memcpy(address.sun_path, path, strlen(path));
	return add_socket(listening, (const struct sockaddr *)&address, sizeof address);
}

/* Adds a socket on which the process that starts the server, such as systemd, listens already. */
static enum error add_inherited(struct listening *listening, int descriptor)
{
	int is_listening = 0, on = 1;
	socklen_t length = sizeof is_listening;
	if (listening->count == HTTP_SOCKETS_MAX) {
		errno = ENOBUFS;
		return ERR_SYSTEM;
	}
	if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) != 0)
		return ERR_SYSTEM;
	if (!is_listening) {
		errno = EINVAL;
		return ERR_SYSTEM;
	}
	int flags = fcntl(descriptor, F_GETFL);
	if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0)
		return ERR_SYSTEM;
	(void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* a unix socket has none */
	listening->descriptors[listening->count++] = descriptor;
	return OK;
}

static void set_port(struct sockaddr *address, uint16_t port)
{
	if (address->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

/* Each address that the host has. One that the machine lacks is passed over as long as there is another. */
static enum error add_host(struct listening *listening, const char *host, uint16_t port)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	uint32_t before = listening->count;
	int cause = EADDRNOTAVAIL;
	if (getaddrinfo(host, NULL, &hints, &found) != 0) {
		errno = cause;
		return ERR_SYSTEM;
	}
	bool has_failed = false;
	for (const struct addrinfo *entry = found; entry != NULL && !has_failed; entry = entry->ai_next) {
		set_port(entry->ai_addr, port);
		if (add_socket(listening, entry->ai_addr, entry->ai_addrlen) == OK) {
			port = port == 0 ? listening_port(listening->descriptors[before]) : port;
			continue;
		}
		cause = errno;
		has_failed = cause != EADDRNOTAVAIL && cause != EAFNOSUPPORT;
	}
	freeaddrinfo(found);
	if (!has_failed && listening->count > before)
		return OK;
	while (listening->count > before)
		close(listening->descriptors[--listening->count]);
	errno = cause;
	return ERR_SYSTEM;
}

enum error listening_add(struct listening *listening, const struct http_address *address)
{
	assert(listening != NULL && address != NULL);

	if (address->descriptor > 0)
		return add_inherited(listening, address->descriptor);
	if (address->path != NULL)
		return add_unix(listening, address->path);
	assert(address->host != NULL);
	if (strcmp(address->host, "") != 0 && strcmp(address->host, "*") != 0 && strcmp(address->host, "::") != 0)
		return add_host(listening, address->host, address->port);
	enum error error = add_host(listening, "::", address->port); /* a host may be without IPv6 */
	if (error != OK && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		error = add_host(listening, "0.0.0.0", address->port);
	return error;
}

void listening_close(struct listening *listening)
{
	while (listening->count > 0)
		close(listening->descriptors[--listening->count]);
}

uint16_t listening_port(int descriptor)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof address;
	if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
	return address.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port) : 0;
}
