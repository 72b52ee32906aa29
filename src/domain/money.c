/* money.c: the currencies of ISO 4217 and sums that cannot overflow. */
#include "domain/money.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Active alphabetic codes of ISO 4217 list one, without the codes for metals, funds and testing. Sorted. */
static const char currency_codes[][4] = {
	"AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF", "BMD", "BND", "BOB",
	"BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK",
	"DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL",
	"HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD",
	"KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR",
	"MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG",
	"QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC",
	"SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VES", "VND",
	"VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
};

/* UINT32_MAX: there is none. */
static uint32_t find_currency(const char code[static 3])
{
	assert(code != NULL);
	size_t low = 0, high = ARRAY_LENGTH(currency_codes);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(code, currency_codes[middle], 3);
		if (order == 0)
			return (uint32_t)middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return UINT32_MAX;
}

bool currency_parse(struct slice code, struct currency *ret_currency)
{
	assert(ret_currency != NULL);
	uint32_t index = code.length != 3 ? UINT32_MAX : find_currency(code.data);
	if (index == UINT32_MAX)
		return false;
	memcpy(ret_currency->code, currency_codes[index], sizeof ret_currency->code);
	return true;
}

uint32_t currency_count(void)
{
	return ARRAY_LENGTH(currency_codes);
}

const char *currency_code_at(uint32_t index)
{
	assert(index < ARRAY_LENGTH(currency_codes));
	return currency_codes[index];
}

uint32_t currency_index(const struct currency *currency)
{
	assert(currency != NULL);
	uint32_t index = find_currency(currency->code);
	assert(index < ARRAY_LENGTH(currency_codes));
	return index;
}

bool money_add(int64_t *total, int64_t amount)
{
	assert(total != NULL);
	if (*total < 0 || amount < 0 || *total > MONEY_MAX || amount > MONEY_MAX - *total)
		return false;
	*total += amount;
	return true;
}

static bool is_among(const struct currency *currency, const char (*codes)[4], size_t count)
{
	assert(count > 0);
	for (size_t i = 0; i < count; i++)
		if (memcmp(currency->code, codes[i], 3) == 0)
			return true;
	return false;
}

/* Digits behind the point: 2 of EUR, 0 of JPY, 3 of KWD (ISO 4217). */
static uint32_t currency_digits(const struct currency *currency)
{
	static const char none[][4] = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW",
	                               "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"};
	static const char three[][4] = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
	assert(currency != NULL);
	if (is_among(currency, none, ARRAY_LENGTH(none)))
		return 0;
	return is_among(currency, three, ARRAY_LENGTH(three)) ? 3 : 2;
}

void money_format(int64_t amount, const struct currency *currency, char text[static MONEY_TEXT_MAX + 1])
{
	assert(amount >= 0 && currency != NULL);
	uint32_t digits = currency_digits(currency);
	int64_t unit = digits == 0 ? 1 : digits == 2 ? 100 : 1000;
	if (digits == 0)
		snprintf(text, MONEY_TEXT_MAX + 1, "%s %" PRId64, currency->code, amount);
	else
		snprintf(text, MONEY_TEXT_MAX + 1, "%s %" PRId64 ".%0*" PRId64, currency->code, amount / unit, (int)digits, amount % unit);
}
