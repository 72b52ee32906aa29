/* raw_client.c: see raw_client.h. */
#include "tests/support/raw_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_TIMEOUT_MS 15000
#define SEND_TIMEOUT_S 10

void raw_open(struct raw_client *client, uint16_t port)
{
	*client = (struct raw_client){.descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval limit = {.tv_sec = SEND_TIMEOUT_S};
	setsockopt(client->descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(client->descriptor, (const struct sockaddr *)&address, sizeof address) != 0) {
		perror("connect");
		abort();
	}
}

void raw_close(struct raw_client *client)
{
	close(client->descriptor);
	client->descriptor = -1;
}

bool raw_send(struct raw_client *client, const void *data, size_t length)
{
	const char *bytes = data;
	while (length > 0) {
		ssize_t sent = send(client->descriptor, bytes, length, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

bool raw_send_text(struct raw_client *client, const char *text)
{
	return raw_send(client, text, strlen(text));
}

void raw_end_sending(struct raw_client *client)
{
	shutdown(client->descriptor, SHUT_WR);
}

/* Adds what arrives within the time to the bytes. False: nothing did, or the connection has ended. */
static bool receive_more(struct raw_client *client, int within_ms)
{
	struct pollfd event = {.fd = client->descriptor, .events = POLLIN};
	if (client->is_at_end || client->length == RAW_CLIENT_ROOM || poll(&event, 1, within_ms) <= 0)
		return false;
	ssize_t length = recv(client->descriptor, client->bytes + client->length, RAW_CLIENT_ROOM - client->length, 0);
	if (length <= 0) {
		client->is_at_end = true;
		client->was_reset = length < 0;
		return false;
	}
	client->length += (size_t)length;
	client->bytes[client->length] = '\0';
	return true;
}

/* The last response stays in place until the next one is asked for. */
static void drop(struct raw_client *client, size_t length)
{
	memmove(client->bytes, client->bytes + length, client->length - length + 1);
	client->length -= length;
}

static size_t body_length(const struct raw_response *response, bool is_head)
{
	const char *text = raw_header(response, "Content-Length");
	return is_head || response->status == 304 || text == NULL ? 0 : strtoul(text, NULL, 10);
}

bool raw_receive(struct raw_client *client, bool is_head, struct raw_response *ret_response)
{
	static char copy[RAW_CLIENT_ROOM + 1];
	char *end;
	while ((end = strstr(client->bytes, "\r\n\r\n")) == NULL) {
		if (!receive_more(client, RECEIVE_TIMEOUT_MS))
			return false;
	}
	size_t head_length = (size_t)(end - client->bytes) + 4;
	memcpy(copy, client->bytes, head_length);
	copy[head_length - 1] = '\0';
	struct raw_response response = {.head = copy, .status = (int)strtol(copy + strlen("HTTP/1.1 "), NULL, 10)};
	response.body_length = body_length(&response, is_head);
	while (client->length < head_length + response.body_length) {
		if (!receive_more(client, RECEIVE_TIMEOUT_MS))
			return false;
	}
	memcpy(copy + head_length, client->bytes + head_length, response.body_length);
	copy[head_length + response.body_length] = '\0';
	response.body = copy + head_length;
	drop(client, head_length + response.body_length);
	*ret_response = response;
	return true;
}

bool raw_is_closed(struct raw_client *client, uint32_t within_ms)
{
	while (!client->is_at_end) {
		client->length = 0;
		if (!receive_more(client, (int)within_ms) && !client->is_at_end)
			return false;
	}
	return !client->was_reset;
}

const char *raw_header(const struct raw_response *response, const char *name)
{
	static char values[4][1024];
	static unsigned turn;
	size_t name_length = strlen(name);
	for (const char *line = strstr(response->head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, name_length) != 0 || line[name_length] != ':')
			continue;
		char *value = values[turn++ % 4];
		const char *start = line + name_length + 1 + strspn(line + name_length + 1, " ");
		snprintf(value, sizeof values[0], "%.*s", (int)strcspn(start, "\r"), start);
		return value;
	}
	return NULL;
}
