/* error.h: the one enumeration of errors, with their texts for clients (error.def).
 *
 * Fallible functions return `enum error` marked must_check; OK is zero. Outputs are last, named ret_…, and untouched on failure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

enum error {
	OK = 0,
#define X(name, status, slug, is_retryable, title) name,
#include "base/error.def"
#undef X
	ERROR_COUNT,
};

/* Prefix of every problem type of the service (RFC 9457, section 3.1.1: an absolute URI). */
#define PROBLEM_TYPE_BASE "https://tro.example/problems/"
/* draft-ietf-httpapi-ratelimit-headers, section 6.1. */
#define PROBLEM_TYPE_QUOTA_EXCEEDED "https://iana.org/assignments/http-problem-types#quota-exceeded"

/* "ERR_SEATS_TAKEN"; never NULL. */
const char *error_name(enum error error);
/* HTTP status, 200 for OK. */
uint16_t error_status(enum error error);
/* Last part of the problem type, such as "seats-taken"; static. */
const char *error_slug(enum error error);
/* The absolute problem type URI; static. */
const char *error_type(enum error error);
const char *error_title(enum error error);
/* The error that clients and metrics are told: several internal errors share one public name. */
enum error error_told(enum error error);
/* Whether the same request may succeed later without being changed. */
bool error_is_retryable(enum error error);
