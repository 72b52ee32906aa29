/* json_inside.c: character by character; a hash reads pieces of one length, so that it does not depend on the spelling. */
#include "codec/json_inside.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/hex.h"
#include "base/utf8.h"

#define NAME_PIECE 64 /* bytes of a name that are hashed at once */

static struct hash_seed name_seed; /* drawn once, then constant: nobody outside can choose names that collide */

static void draw_name_seed(void)
{
	ssize_t length = getrandom(&name_seed, sizeof name_seed, 0);
	assert(length == (ssize_t)sizeof name_seed); /* up to 256 bytes are never cut short */
	(void)length;
}

bool json_unit(const char *at, const char *end, uint32_t *ret_unit)
{
	uint8_t bytes[2];
	if (end - at < 4 || !hex_decode(at, bytes, 2))
		return false;
	*ret_unit = (uint32_t)bytes[0] << 8 | bytes[1];
	return true;
}

size_t json_inside_take(struct slice *inside, char bytes[static 4])
{
	const char *at = inside->data;
	const char *end = at + inside->length;
	size_t taken;
	size_t written = 1;
	uint32_t unit, low;
	if (*at != '\\') {
		taken = written = utf8_character_length(at, inside->length);
		memcpy(bytes, at, written);
	} else if (at[1] != 'u') {
		static const char plain[128] = {
			['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t', ['"'] = '"', ['\\'] = '\\', ['/'] = '/',
		};
		taken = 2;
		bytes[0] = plain[at[1] & 0x7f];
	} else {
		taken = 6;
		bool is_unit = json_unit(at + 2, end, &unit);
		if (is_unit && utf16_is_high(unit) && json_unit(at + 8, end, &low)) {
			taken = 12;
			unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		}
		assert(is_unit);
		written = utf8_encode(unit, bytes);
	}
	*inside = (struct slice){.data = at + taken, .length = inside->length - taken};
	return written;
}

bool json_inside_has_escapes(struct slice inside)
{
	return memchr(inside.data, '\\', inside.length) != NULL;
}

bool json_insides_equal(struct slice a, struct slice b)
{
	if (slice_equal(a, b))
		return true;
	if (!json_inside_has_escapes(a) && !json_inside_has_escapes(b))
		return false;
	while (a.length > 0 && b.length > 0) {
		char bytes_a[4], bytes_b[4];
		size_t count = json_inside_take(&a, bytes_a);
		if (json_inside_take(&b, bytes_b) != count || memcmp(bytes_a, bytes_b, count) != 0)
			return false;
	}
	return a.length == b.length;
}

uint64_t json_inside_hash(struct slice inside)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, draw_name_seed);
	struct hash_seed seed = name_seed;
	bool is_escaped = json_inside_has_escapes(inside);
	char piece[NAME_PIECE + 4];
	size_t length = 0;
	for (;;) {
		while (is_escaped && inside.length > 0 && length < NAME_PIECE)
			length += json_inside_take(&inside, piece + length);
		if (!is_escaped) {
			size_t taken = inside.length < NAME_PIECE - length ? inside.length : NAME_PIECE - length;
			memcpy(piece + length, inside.data, taken);
			length += taken;
			inside = (struct slice){.data = inside.data + taken, .length = inside.length - taken};
		}
		if (length < NAME_PIECE)
			return hash_bytes(&seed, piece, length);
		seed.k0 ^= hash_bytes(&seed, piece, NAME_PIECE);
		length -= NAME_PIECE;
		memmove(piece, piece + NAME_PIECE, length); /* of a character that began in this piece */
	}
}
