/* gzip.c: one call of zlib, whose answer has a bound that is known before. */
#include "base/gzip.h"

#include <assert.h>
#include <limits.h>
#include <zlib.h>

#define LEVEL 1          /* JSON with repeated keys shrinks to a tenth with the least effort */
#define WINDOW (15 + 16) /* the largest; 16 makes it gzip */
#define MEMORY 8         /* zlib's own default */

bool gzip_append(struct buffer *buffer, struct slice content)
{
	assert(buffer != NULL && content.length < UINT_MAX);

	z_stream stream = {0};
	if (deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	size_t bound = deflateBound(&stream, content.length);
	char *room = buffer_reserve(buffer, bound);
	bool is_done = false;
	if (room != NULL) {
		stream.next_in = (z_const Bytef *)content.data;
		stream.avail_in = (uInt)content.length;
		stream.next_out = (Bytef *)room;
		stream.avail_out = (uInt)bound;
		is_done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
		buffer->length += is_done ? stream.total_out : 0;
	}
	(void)deflateEnd(&stream);
	return is_done;
}
