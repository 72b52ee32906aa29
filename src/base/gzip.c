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

bool gzip_expand(struct buffer *buffer, struct slice content)
{
	assert(buffer != NULL && (content.data != NULL || content.length == 0));
	z_stream stream = {.next_in = (z_const Bytef *)content.data, .avail_in = (uInt)content.length};
	size_t before = buffer->length;
	if (content.length > UINT_MAX || inflateInit2(&stream, WINDOW) != Z_OK)
		return false;
	int result = Z_OK;
	while (result == Z_OK) {
		char piece[4096];
		stream.next_out = (Bytef *)piece;
		stream.avail_out = sizeof piece;
		result = inflate(&stream, Z_NO_FLUSH);
		if (result == Z_OK || result == Z_STREAM_END)
			buffer_append(buffer, piece, sizeof piece - stream.avail_out);
		if (buffer->failed)
			result = Z_MEM_ERROR;
	}
	inflateEnd(&stream);
	if (result != Z_STREAM_END)
		buffer->length = before;
	return result == Z_STREAM_END;
}
