/* utf8.h: UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

bool utf8_is_valid(struct slice text);
/* Bytes of the character at `text`, 1 to 4; 0 when it is not one. */
size_t utf8_character_length(const char *text, size_t available);
/* True when every character is valid and none is a control character (C0, DEL, C1). */
bool utf8_is_printable(struct slice text);
/* The same, but line feeds are allowed. */
bool utf8_is_printable_lines(struct slice text);
/* Replaces each control character (C0, DEL) by a question mark. The text is one line then, and a terminal obeys none of it. */
void utf8_mask_controls(char *text);
/* The number of characters (code points) in the text. text: valid UTF-8. */
size_t utf8_character_count(struct slice text);
/* Writes the character's bytes and answers how many. character: at most U+10FFFF, no surrogate. */
size_t utf8_encode(uint32_t character, char bytes[static 4]);
