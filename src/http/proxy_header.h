/* proxy_header.h: the header in which a proxy names the client of a connection: the PROXY protocol, version 2 (binary). Pure. */
#pragma once

#include "base/attributes.h"
#include "base/cidr.h"
#include "base/slice.h"

#define PROXY_HEADER_FIRST 16 /* bytes that say how long it is */
#define PROXY_HEADER_MAX 536  /* with the extensions that proxies send: certificates of clients are not among them */

enum proxy_header_result {
	PROXY_HEADER_NONE,    /* these bytes begin something else */
	PROXY_HEADER_PARTIAL, /* *ret_length bytes are needed to go on */
	PROXY_HEADER_WHOLE,   /* it has *ret_length bytes */
	PROXY_HEADER_BAD,     /* it begins like one, and is malformed */
};

/* Looks at the first bytes of a connection. Of a whole one *client is the address that it names; it stays as it is when the header names
 * none: the proxy speaks for itself, or for a client of another family. */
must_check enum proxy_header_result proxy_header_read(struct slice bytes, size_t *ret_length, struct ip_address *client);
