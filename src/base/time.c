/* time.c: RFC 3339 times and durations, without the C library's time zones and locales. */
#include "base/time.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define MS_PER_SECOND UINT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR (60 * MS_PER_MINUTE)
#define MS_PER_DAY (24 * MS_PER_HOUR)

struct date {
	uint32_t year, month, day; /* month and day from 1 */
};

/* Days since 1970 to a date and back: Howard Hinnant's civil_from_days, where a year begins in March so that the leap day is its last. */
static struct date date_of_days(uint32_t days)
{
	uint32_t shifted = days + 719468; /* since 0000-03-01 */
	uint32_t era = shifted / 146097;
	uint32_t day_of_era = shifted % 146097;
	uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
	return (struct date){
		.year = era * 400 + year_of_era + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = day_of_year - (153 * month + 2) / 5 + 1,
	};
}

static int64_t days_of_date(struct date date)
{
	uint32_t year = date.year - (date.month <= 2);
	uint32_t era = year / 400;
	uint32_t year_of_era = year % 400;
	uint32_t month = date.month > 2 ? date.month - 3 : date.month + 9;
	uint32_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
	uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return (int64_t)era * 146097 + day_of_era - 719468;
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
	static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && is_leap ? 29 : days[month - 1];
}

static void write_digits(char *text, uint32_t value, int count)
{
	while (count-- > 0) {
		text[count] = (char)('0' + value % 10);
		value /= 10;
	}
}

void time_format(uint64_t unix_ms, char text[static TIME_TEXT_LENGTH + 1])
{
	assert(text != NULL);

	if (unix_ms > TIME_MS_MAX)
		unix_ms = TIME_MS_MAX;
	struct date date = date_of_days((uint32_t)(unix_ms / MS_PER_DAY));
	uint32_t ms_of_day = (uint32_t)(unix_ms % MS_PER_DAY);
	memcpy(text, "0000-00-00T00:00:00.000Z", TIME_TEXT_LENGTH + 1);
	write_digits(text, date.year, 4);
	write_digits(text + 5, date.month, 2);
	write_digits(text + 8, date.day, 2);
	write_digits(text + 11, ms_of_day / 3600000, 2);
	write_digits(text + 14, ms_of_day / 60000 % 60, 2);
	write_digits(text + 17, ms_of_day / 1000 % 60, 2);
	write_digits(text + 20, ms_of_day % 1000, 3);
}

/* Takes `count` digits off the front. */
static bool take_digits(struct slice *text, size_t count, uint32_t *ret_value)
{
	if (text->length < count)
		return false;
	uint32_t value = 0;
	for (size_t i = 0; i < count; i++) {
		char digit = text->data[i];
		if (digit < '0' || digit > '9')
			return false;
		value = value * 10 + (uint32_t)(digit - '0');
	}
	*text = (struct slice){.data = text->data + count, .length = text->length - count};
	*ret_value = value;
	return true;
}

/* Takes one character off the front when it is the expected one; letters in either case, as RFC 3339 allows. */
static bool take_character(struct slice *text, char expected)
{
	if (text->length == 0)
		return false;
	char found = text->data[0];
	if (found != expected && !(expected >= 'A' && expected <= 'Z' && found == (expected | 0x20)))
		return false;
	*text = (struct slice){.data = text->data + 1, .length = text->length - 1};
	return true;
}

static bool take_date(struct slice *text, struct date *ret_date)
{
	struct date date;
	if (!take_digits(text, 4, &date.year) || !take_character(text, '-') || !take_digits(text, 2, &date.month) ||
	    !take_character(text, '-') || !take_digits(text, 2, &date.day))
		return false;
	if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > days_of_month(date.year, date.month))
		return false;
	*ret_date = date;
	return true;
}

/* Hours and minutes, in minutes. */
static bool take_minutes(struct slice *text, uint32_t *ret_minutes)
{
	uint32_t hours, minutes;
	if (!take_digits(text, 2, &hours) || !take_character(text, ':') || !take_digits(text, 2, &minutes))
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	*ret_minutes = hours * 60 + minutes;
	return true;
}

/* ".5" to ".123456789", or nothing. */
static bool take_fraction(struct slice *text, uint32_t *ret_ms)
{
	*ret_ms = 0;
	if (!take_character(text, '.'))
		return true;
	uint32_t scale = 100;
	size_t count = 0;
	for (uint32_t digit; take_digits(text, 1, &digit); count++) {
		*ret_ms += digit * scale;
		scale /= 10;
	}
	return count >= 1 && count <= 9;
}

/* "Z" or "+01:00", in minutes east of Greenwich. */
static bool take_offset(struct slice *text, int64_t *ret_minutes)
{
	*ret_minutes = 0;
	if (take_character(text, 'Z'))
		return true;
	bool is_west = take_character(text, '-');
	uint32_t minutes;
	if ((!is_west && !take_character(text, '+')) || !take_minutes(text, &minutes))
		return false;
	*ret_minutes = is_west ? -(int64_t)minutes : (int64_t)minutes;
	return true;
}

bool time_parse(struct slice text, uint64_t *ret_unix_ms)
{
	assert(ret_unix_ms != NULL);
	assert(text.data != NULL || text.length == 0);

	struct date date;
	uint32_t minute_of_day, second, fraction_ms;
	int64_t offset_minutes;
	if (!take_date(&text, &date) || !take_character(&text, 'T') || !take_minutes(&text, &minute_of_day) ||
	    !take_character(&text, ':') || !take_digits(&text, 2, &second) || !take_fraction(&text, &fraction_ms) ||
	    !take_offset(&text, &offset_minutes))
		return false;
	if (text.length != 0 || second > 60)
		return false;

	int64_t minutes = days_of_date(date) * 24 * 60 + minute_of_day - offset_minutes;
	if (minutes < 0)
		return false;
	if (second == 60) {
		if (minutes % (24 * 60) != 24 * 60 - 1) /* a leap second is the last of a day in UTC */
			return false;
		second = 59;
	}
	uint64_t unix_ms = (uint64_t)minutes * MS_PER_MINUTE + second * MS_PER_SECOND + fraction_ms;
	if (unix_ms > TIME_MS_MAX)
		return false;
	*ret_unix_ms = unix_ms;
	return true;
}

/* Descending. A unit's name may begin another's ("m", "ms"), so names are compared whole. */
static const struct duration_unit {
	const char *name;
	uint64_t ms;
} units[] = {{"d", MS_PER_DAY}, {"h", MS_PER_HOUR}, {"m", MS_PER_MINUTE}, {"s", MS_PER_SECOND}, {"ms", 1}};

/* Digits, at most DURATION_MS_MAX. */
static bool take_count(struct slice *text, uint64_t *ret_count)
{
	uint32_t digit;
	if (!take_digits(text, 1, &digit))
		return false;
	uint64_t count = digit;
	while (take_digits(text, 1, &digit)) {
		count = count * 10 + digit;
		if (count > DURATION_MS_MAX)
			return false;
	}
	*ret_count = count;
	return true;
}

/* Index into `units`, or past its end. */
static size_t take_unit(struct slice *text)
{
	struct slice name = {.data = text->data};
	while (name.length < text->length && text->data[name.length] >= 'a' && text->data[name.length] <= 'z')
		name.length++;
	*text = (struct slice){.data = text->data + name.length, .length = text->length - name.length};
	size_t unit = 0;
	while (unit < ARRAY_LENGTH(units) && !slice_equal_string(name, units[unit].name))
		unit++;
	return unit;
}

bool duration_parse(struct slice text, uint64_t *ret_ms)
{
	assert(ret_ms != NULL);

	if (text.length == 0)
		return false;
	uint64_t ms = 0;
	size_t next_unit = 0;
	while (text.length > 0) {
		uint64_t count;
		if (!take_count(&text, &count))
			return false;
		size_t unit = take_unit(&text);
		if (unit < next_unit || unit >= ARRAY_LENGTH(units) || count > (DURATION_MS_MAX - ms) / units[unit].ms)
			return false;
		ms += count * units[unit].ms;
		next_unit = unit + 1;
	}
	*ret_ms = ms;
	return true;
}

void duration_format(uint64_t ms, char text[static DURATION_TEXT_LENGTH + 1])
{
	assert(ms <= DURATION_MS_MAX);

	size_t length = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		uint64_t count = ms / units[i].ms;
		ms %= units[i].ms;
		bool is_zero = length == 0 && ms == 0 && units[i].ms == MS_PER_SECOND;
		if (count > 0 || is_zero)
			length += (size_t)snprintf(text + length, DURATION_TEXT_LENGTH + 1 - length, "%" PRIu64 "%s", count, units[i].name);
	}
	assert(length <= DURATION_TEXT_LENGTH);
}
