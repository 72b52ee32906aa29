/* time.h: writes and parses times and durations. It reads no clock; the clock port does (ports/clock.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"

#define TIME_TEXT_LENGTH 24 /* 2026-01-02T03:04:05.678Z */
/* 9999-12-31T23:59:59.999Z: the last time RFC 3339 can write. */
#define TIME_MS_MAX UINT64_C(253402300799999)

/* Writes 24 characters and a terminating zero. unix_ms past TIME_MS_MAX is written as TIME_MS_MAX. */
void time_format(uint64_t unix_ms, char text[static TIME_TEXT_LENGTH + 1]);
/* RFC 3339 date-time with any offset and up to nine decimals (truncated to milliseconds); a leap second reads as the second before.
 * Times before 1970 or after 9999 are refused. False: *ret_unix_ms untouched. */
must_check bool time_parse(struct slice text, uint64_t *ret_unix_ms);

/* Ten years of 365 days. */
#define DURATION_MS_MAX (UINT64_C(3650) * 24 * 60 * 60 * 1000)
#define DURATION_TEXT_LENGTH 31

/* "250ms", "30s", "5m", "1h", "7d", and sums such as "1m30s", units descending; no sign, no blanks, at most DURATION_MS_MAX. */
must_check bool duration_parse(struct slice text, uint64_t *ret_ms);
/* Writes the duration, the largest units first, so that duration_parse reads the same value: "1m30s", "0s". ms: at most DURATION_MS_MAX. */
void duration_format(uint64_t ms, char text[static DURATION_TEXT_LENGTH + 1]);
