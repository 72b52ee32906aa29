/* greeting.h: what a trusted proxy may say before the first request of a connection. Internal to http/. */
#pragma once

#include "base/attributes.h"
#include "base/cidr.h"

enum greeting_result {
	GREETING_NONE,    /* the client begins with something else, or has gone: nothing was taken */
	GREETING_WAITING, /* it has begun; tell when there is more */
	GREETING_TAKEN,   /* *peer is whom it names */
	GREETING_BAD,     /* it makes no sense, or ends too early */
};

struct greeting {
	int wanted; /* bytes that are waited for; 0: it has not begun */
};

/* There is input on the socket. Bytes of a greeting that is not whole stay in the kernel, which tells when there are more. */
must_check enum greeting_result greeting_take(struct greeting *greeting, int descriptor, struct ip_address *peer);
