/* buffer.c: storage that doubles until it is enough or at its maximum. */
#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256
#define UINT64_DIGITS_MAX 20

void buffer_init(struct buffer *buffer, struct arena *arena, size_t maximum)
{
	assert(buffer != NULL);
	assert(maximum < SIZE_MAX);

	*buffer = (struct buffer){.arena = arena, .maximum = maximum};
}

void buffer_release(struct buffer *buffer)
{
	if (buffer == NULL)
		return;
	if (buffer->arena == NULL)
		free(buffer->data);
	buffer_init(buffer, buffer->arena, buffer->maximum);
}

void buffer_clear(struct buffer *buffer)
{
	assert(buffer != NULL);

	buffer->length = 0;
	buffer->failed = false;
}

/* Storage of at least `needed` bytes, the content kept, and one more behind them for the zero that vsnprintf writes. */
static bool buffer_grow(struct buffer *buffer, size_t needed)
{
	assert(needed > buffer->capacity && needed <= buffer->maximum);

	size_t capacity = buffer->capacity > buffer->maximum / 2 ? buffer->maximum : buffer->capacity * 2;
	if (capacity < CAPACITY_MIN)
		capacity = CAPACITY_MIN < buffer->maximum ? CAPACITY_MIN : buffer->maximum;
	if (capacity < needed)
		capacity = needed;
	char *data = buffer->arena == NULL ? realloc(buffer->data, capacity + 1) : arena_allocate(buffer->arena, capacity + 1);
	if (data == NULL)
		return false;
	if (buffer->arena != NULL && buffer->length > 0)
		memcpy(data, buffer->data, buffer->length);
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

char *buffer_reserve(struct buffer *buffer, size_t length)
{
	assert(buffer != NULL);
	assert(length > 0);

	if (length > buffer->capacity - buffer->length) {
		bool fits = length <= buffer->maximum - buffer->length;
		if (!fits || !buffer_grow(buffer, buffer->length + length)) {
			buffer->failed = true;
			return NULL;
		}
	}
	return buffer->data + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *data, size_t length)
{
	assert(data != NULL || length == 0);

	if (length == 0)
		return;
	char *end = buffer_reserve(buffer, length);
	if (end == NULL)
		return;
	memcpy(end, data, length);
	buffer->length += length;
}

void buffer_append_byte(struct buffer *buffer, char byte)
{
	char *end = buffer_reserve(buffer, 1);
	if (end == NULL)
		return;
	*end = byte;
	buffer->length++;
}

void buffer_append_slice(struct buffer *buffer, struct slice text)
{
	buffer_append(buffer, text.data, text.length);
}

void buffer_append_string(struct buffer *buffer, const char *text)
{
	assert(text != NULL);

	buffer_append(buffer, text, strlen(text));
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
	assert(buffer != NULL);

	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	assert(length >= 0);

	if (length == 0)
		return;
	char *end = buffer_reserve(buffer, (size_t)length);
	if (end == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(end, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->length += (size_t)length;
}

/* Writes the digits backwards from `end`, two at a time, and answers where they start. */
static char *write_digits(char *end, uint64_t value)
{
	static const char pairs[200] = "0001020304050607080910111213141516171819"
				       "2021222324252627282930313233343536373839"
				       "4041424344454647484950515253545556575859"
				       "6061626364656667686970717273747576777879"
				       "8081828384858687888990919293949596979899";
	for (; value >= 100; value /= 100) {
		end -= 2;
		memcpy(end, pairs + value % 100 * 2, 2);
	}
	if (value >= 10) {
		end -= 2;
		memcpy(end, pairs + value * 2, 2);
	} else {
		*--end = (char)('0' + value);
	}
	return end;
}

void buffer_append_uint(struct buffer *buffer, uint64_t value)
{
	char digits[UINT64_DIGITS_MAX];
	char *end = digits + sizeof digits;
	const char *start = write_digits(end, value);
	buffer_append(buffer, start, (size_t)(end - start));
}

void buffer_append_int(struct buffer *buffer, int64_t value)
{
	char digits[1 + UINT64_DIGITS_MAX];
	char *end = digits + sizeof digits;
	char *start = write_digits(end, value < 0 ? -(uint64_t)value : (uint64_t)value);
	if (value < 0)
		*--start = '-';
	buffer_append(buffer, start, (size_t)(end - start));
}
