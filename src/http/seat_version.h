/* seat_version.h: the version of a seat map in a request. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define SEAT_VERSION_LENGTH_MAX 64

/* A version that is none of ours is one that is not known. */
static inline uint64_t seat_version_parse(struct slice text)
{
	uint64_t version = 0;
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || version > INT64_MAX / 16)
			return UINT64_MAX;
		version = version * 10 + (uint64_t)(text.data[i] - '0');
	}
	return version;
}
