/* entity_tag.h: strong validators (RFC 9110, section 8.8.3) made of the content. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

/* Sixteen hexadecimal digits in quotes, in the arena; empty when that is full. Two contents of one resource that differ have the same one
 * with a chance of 2^-64, and nobody gains by finding such a pair. */
struct slice entity_tag_of(struct slice content, struct arena *arena);
