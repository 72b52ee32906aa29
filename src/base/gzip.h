/* gzip.h: content as gzip (RFC 1952), for those who accept it. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/slice.h"

/* Appends the content, compressed with little effort. False: out of memory, and the buffer is as it was. */
must_check bool gzip_append(struct buffer *buffer, struct slice content);
/* Appends what the content was before it was compressed. False: it is no gzip, or more than the buffer may hold; the buffer is as it
 * was. */
must_check bool gzip_expand(struct buffer *buffer, struct slice content);
