/* greeting.h: reads the PROXY header that a trusted proxy may send before the first request of a connection. Internal to http/. */
#pragma once

#include "base/attributes.h"
#include "base/cidr.h"

enum greeting_result {
	GREETING_NONE,    /* the client begins with other bytes, or has gone: nothing was taken */
	GREETING_WAITING, /* it has begun; tell when there is more */
	GREETING_TAKEN,   /* *peer is the client that it names */
	GREETING_BAD,     /* it makes no sense, or ends too early */
};

struct greeting {
	int wanted; /* bytes that are waited for; 0: it has not begun */
};

/* There is input on the socket. Bytes of an incomplete greeting stay in the kernel, which reports when more have come. */
must_check enum greeting_result greeting_take(struct greeting *greeting, int descriptor, struct ip_address *peer);
