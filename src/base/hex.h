/* hex.h: bytes as hexadecimal digits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/* 0 to 15, of a digit in either case; -1 for any other character. */
static inline int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Reads 2 × count digits. False when one is none; bytes are undefined then. */
must_check static inline bool hex_decode(const char *digits, uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int high = hex_value(digits[2 * i]);
		int low = hex_value(digits[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Writes 2 × count lower-case digits, not terminated, and answers where they end. */
static inline char *hex_encode(const uint8_t *bytes, size_t count, char *digits)
{
	for (size_t i = 0; i < count; i++) {
		*digits++ = "0123456789abcdef"[bytes[i] >> 4];
		*digits++ = "0123456789abcdef"[bytes[i] & 15];
	}
	return digits;
}
