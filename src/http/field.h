/* field.h: parses the values of header fields (RFC 9110, section 5.6). Pure. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* Whether a token may hold the character: a method or a field's name is made of these. */
bool field_is_token_character(char character);
bool field_is_token(struct slice text);

/* Equality of names and tokens, which are case-insensitive. */
bool field_equal(struct slice a, struct slice b);

/* Takes the part before the separator off *rest, and the separator too; all of it when there is none. */
struct slice field_cut(struct slice *rest, char separator);
/* Takes the first member off a list with commas between, trimmed; empty members are passed over. False: none is left, *ret_member
 * untouched. Knows no quoted strings: for lists of tokens, addresses and the like. */
bool field_list_next(struct slice *list, struct slice *ret_member);
/* The same from the other end. */
bool field_list_last(struct slice *list, struct slice *ret_member);
/* Whether a token is a member. */
bool field_list_has(struct slice list, struct slice token);
