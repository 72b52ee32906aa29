/* decimal.h: whole numbers as people and protocols write them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"

/* Digits alone, without a sign or leading zeros, so that a number has one spelling; at most `maximum`. False, with nothing written, for all
 * else. */
must_check static inline bool decimal_parse(struct slice text, uint64_t maximum, uint64_t *ret_number)
{
	uint64_t number = 0;
	if (text.length == 0 || (text.data[0] == '0' && text.length > 1))
		return false;
	for (size_t i = 0; i < text.length; i++) {
		uint64_t digit = (unsigned char)text.data[i] - (uint64_t)'0';
		if (digit > 9 || digit > maximum || number > (maximum - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}
