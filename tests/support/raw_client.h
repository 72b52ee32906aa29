/* raw_client.h: an HTTP client that sends the bytes it is given, for tests of what well-behaved clients never do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_CLIENT_ROOM (64 * 1024)

struct raw_client {
	int descriptor;
	size_t length; /* bytes received and not read yet */
	bool was_reset;
	bool is_at_end;
	char bytes[RAW_CLIENT_ROOM + 1];
};

/* A response with its whole body, terminated; valid until the next call. */
struct raw_response {
	int status;
	const char *head; /* from the status line to the empty line */
	const char *body;
	size_t body_length;
};

/* Connects to 127.0.0.1. Ends the test when nobody listens. */
void raw_open(struct raw_client *client, uint16_t port);
void raw_close(struct raw_client *client);
/* False: the connection is broken. Stops after 10 s when nobody reads. */
bool raw_send(struct raw_client *client, const void *data, size_t length);
bool raw_send_text(struct raw_client *client, const char *text);
/* Nothing more will be sent. */
void raw_end_sending(struct raw_client *client);

/* The next response. False: the connection ended or 15 s went by before it was complete. is_head: it has no body, whatever it says. */
bool raw_receive(struct raw_client *client, bool is_head, struct raw_response *ret_response);
/* Waits for the end of the connection and throws away what comes before. True: it was closed within the time, and not by a reset. */
bool raw_is_closed(struct raw_client *client, uint32_t within_ms);

/* The value of a header field, terminated, in a buffer of its own for each of four calls; NULL: not there. */
const char *raw_header(const struct raw_response *response, const char *name);
