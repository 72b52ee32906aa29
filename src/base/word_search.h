/* word_search.h: searches a text for words by their beginnings: "mag flu" is in "The Magic Flute", "lute" is not.
 *
 * Blanks separate the words of a search. A word is found where a word of the text begins: at the text's start, and behind any character
 * that is neither letter nor digit; a word that begins with such a character itself ("$where", "%") is found anywhere. Case does not
 * matter in Latin, Greek and Cyrillic letters. There are no wildcards: every character stands for itself. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/slice.h"

/* Takes the next word off the front of *rest; bytes that are not UTF-8 are part of a word. False after the last. */
must_check bool word_search_next(struct slice *rest, struct slice *ret_word);
/* Whether every one of the words is found in the text. */
must_check bool word_search_matches(struct slice words, struct slice text);
/* False: no text has these words, for one has a zero byte or is not UTF-8. */
must_check bool word_search_is_possible(struct slice words);
/* Appends a regular expression that matches the texts in which the word, a possible one, is found: for PostgreSQL, PCRE and RE2 alike,
 * case-sensitive, and without blanks. */
void word_search_pattern(struct slice word, struct buffer *pattern);
