/* money.h: amounts in integer minor units of an ISO 4217 currency. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attributes.h"
#include "base/slice.h"

/* The greatest price and total: exact in every JSON reader (2^53 - 1, RFC 8259, section 6). */
#define MONEY_MAX INT64_C(9007199254740991)
/* The largest amount of one payment, in minor units: more than any order's total, and so little that a senseless payment leaves room in
 * MONEY_MAX for later ones. */
#define PAYMENT_MAX INT64_C(100000000000000)

struct currency {
	char code[4]; /* three capital letters and a zero */
};

static inline bool currency_equal(const struct currency *a, const struct currency *b)
{
	return strcmp(a->code, b->code) == 0;
}

/* Whether `code` is an active alphabetic code of ISO 4217; *ret_currency is untouched when not. */
must_check bool currency_parse(struct slice code, struct currency *ret_currency);

/* The currencies that there are: currency_code_at of every index below the count, and back. code: static. */
uint32_t currency_count(void);
const char *currency_code_at(uint32_t index);
uint32_t currency_index(const struct currency *currency);

/* *total += amount. False, total unchanged, when either is negative or the sum is past MONEY_MAX. */
must_check bool money_add(int64_t *total, int64_t amount);

#define MONEY_TEXT_MAX 32
/* "EUR 105.00", "JPY 105"; terminated. amount: 0 or more. */
void money_format(int64_t amount, const struct currency *currency, char text[static MONEY_TEXT_MAX + 1]);
