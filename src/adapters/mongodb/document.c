/* document.c: fields by name, texts by length. */
#include "adapters/mongodb/document.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/word_search.h"

#define PATTERN_MAX ((size_t)64 * 1024) /* of one word */
#define TEXT_MAX (16 * 1024 * 1024)     /* a document has no more */

static const enum sale_status statuses[] = {SALE_ON_SALE, SALE_PAUSED, SALE_CANCELLED};

void mongodb_append_id(bson_t *document, const char *key, const struct uuid *id)
{
	assert(document != NULL && id != NULL);
	BSON_APPEND_BINARY(document, key, BSON_SUBTYPE_UUID, id->bytes, sizeof id->bytes);
}

static bool append_text(bson_t *document, const char *key, struct slice text)
{
	assert(document != NULL && key != NULL);
	text = text_or_empty(text);
	return text.length <= TEXT_MAX && bson_utf8_validate(text.data, text.length, true) &&
	       bson_append_utf8(document, key, -1, text.data, (int)text.length);
}

static char folded(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool append_folded(bson_t *document, const char *key, struct slice text)
{
	assert(text.data != NULL || text.length == 0);
	char *copy = malloc(text.length + 1);
	if (copy == NULL)
		return false;
	for (size_t i = 0; i < text.length; i++)
		copy[i] = folded(text.data[i]);
	bool is_done = append_text(document, key, (struct slice){.data = copy, .length = text.length});
	free(copy);
	return is_done;
}

static int64_t date_of(uint64_t ms)
{
	return ms > INT64_MAX ? INT64_MAX : (int64_t)ms;
}

/* 0 is no date. */
static void append_date(bson_t *document, const char *key, uint64_t ms)
{
	assert(document != NULL && key != NULL);
	if (ms == 0)
		BSON_APPEND_NULL(document, key);
	else
		BSON_APPEND_DATE_TIME(document, key, date_of(ms));
}

bool mongodb_document_write(bson_t *document, const struct catalog_entry *entry)
{
	assert(document != NULL && entry != NULL);
	const struct sale_details *details = &entry->details;
	bson_t inner;
	mongodb_append_id(document, "_id", &entry->event_id);
	bool is_right = append_text(document, "name", details->name) && append_text(document, "venue", details->venue) &&
	                append_text(document, "description", details->description);
	BSON_APPEND_DATE_TIME(document, "starts_at", date_of(details->starts_at_ms));
	BSON_APPEND_UTF8(document, "status", sale_status_name(entry->status));
	BSON_APPEND_UTF8(document, "currency", entry->currency.code);
	append_date(document, "on_sale_from", entry->on_sale_from_ms);
	append_date(document, "on_sale_until", entry->on_sale_until_ms);
	BSON_APPEND_INT64(document, "seat_count", entry->seat_count);
	BSON_APPEND_DATE_TIME(document, "created_at", date_of(entry->created_at_ms));
	BSON_APPEND_INT64(document, "version", date_of(entry->version));
	BSON_APPEND_DOCUMENT_BEGIN(document, "folded", &inner);
	is_right = is_right && append_folded(&inner, "venue", details->venue);
	return bson_append_document_end(document, &inner) && is_right;
}

static bool find(const bson_t *document, const char *key, bson_iter_t *ret_iter)
{
	assert(document != NULL && key != NULL && ret_iter != NULL);
	return bson_iter_init_find(ret_iter, document, key);
}

static bool read_id(const bson_t *document, struct uuid *ret_id)
{
	assert(ret_id != NULL);
	bson_iter_t iter;
	bson_subtype_t subtype;
	uint32_t length;
	const uint8_t *bytes;
	if (!find(document, "_id", &iter) || !BSON_ITER_HOLDS_BINARY(&iter))
		return false;
	bson_iter_binary(&iter, &subtype, &length, &bytes);
	if (length != sizeof ret_id->bytes)
		return false;
	memcpy(ret_id->bytes, bytes, length);
	return true;
}

static bool read_text(const bson_t *document, const char *key, struct slice *ret_text)
{
	assert(ret_text != NULL);
	bson_iter_t iter;
	uint32_t length;
	if (!find(document, key, &iter) || !BSON_ITER_HOLDS_UTF8(&iter))
		return false;
	ret_text->data = bson_iter_utf8(&iter, &length);
	ret_text->length = length;
	return true;
}

static bool copy_text(const bson_t *document, const char *key, struct arena *arena, struct slice *ret_text)
{
	assert(arena != NULL && ret_text != NULL);
	struct slice text;
	if (!read_text(document, key, &text))
		return false;
	*ret_text = arena_copy(arena, text);
	return ret_text->data != NULL;
}

/* A number or a date that is not negative; null is 0. */
static bool read_uint(const bson_t *document, const char *key, uint64_t maximum, uint64_t *ret_value)
{
	assert(ret_value != NULL);
	bson_iter_t iter;
	if (!find(document, key, &iter))
		return false;
	bool is_number = BSON_ITER_HOLDS_INT64(&iter) || BSON_ITER_HOLDS_INT32(&iter);
	if (!is_number && !BSON_ITER_HOLDS_DATE_TIME(&iter) && !BSON_ITER_HOLDS_NULL(&iter))
		return false;
	int64_t value = is_number ? bson_iter_as_int64(&iter) : BSON_ITER_HOLDS_NULL(&iter) ? 0 : bson_iter_date_time(&iter);
	*ret_value = (uint64_t)value;
	return value >= 0 && *ret_value <= maximum;
}

static bool read_status(const bson_t *document, enum sale_status *ret_status)
{
	assert(ret_status != NULL);
	struct slice name;
	if (!read_text(document, "status", &name))
		return false;
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		if (!slice_equal_string(name, sale_status_name(statuses[i])))
			continue;
		*ret_status = statuses[i];
		return true;
	}
	return false;
}

static bool read_currency(const bson_t *document, struct currency *ret_currency)
{
	assert(ret_currency != NULL);
	struct slice code;
	if (!read_text(document, "currency", &code) || code.length >= sizeof ret_currency->code)
		return false;
	memcpy(ret_currency->code, code.data, code.length);
	return true;
}

bool mongodb_document_read(const bson_t *document, struct arena *arena, struct catalog_entry *ret_entry)
{
	assert(document != NULL);
	assert(arena != NULL && ret_entry != NULL);
	struct catalog_entry entry = {0};
	uint64_t seat_count;
	bool is_right = read_id(document, &entry.event_id) && copy_text(document, "name", arena, &entry.details.name) &&
	                copy_text(document, "venue", arena, &entry.details.venue) &&
	                copy_text(document, "description", arena, &entry.details.description) &&
	                read_uint(document, "starts_at", INT64_MAX, &entry.details.starts_at_ms) && read_status(document, &entry.status) &&
	                read_currency(document, &entry.currency) &&
	                read_uint(document, "on_sale_from", INT64_MAX, &entry.on_sale_from_ms) &&
	                read_uint(document, "on_sale_until", INT64_MAX, &entry.on_sale_until_ms) &&
	                read_uint(document, "seat_count", UINT32_MAX, &seat_count) &&
	                read_uint(document, "created_at", INT64_MAX, &entry.created_at_ms) &&
	                read_uint(document, "version", INT64_MAX, &entry.version);
	if (!is_right)
		return false;
	entry.seat_count = (uint32_t)seat_count;
	*ret_entry = entry;
	return true;
}

/* {name: {$regex: …}} as one item of the array. False: it cannot be made. */
static bool append_word(bson_t *all, uint32_t index, struct slice word)
{
	struct buffer pattern;
	char storage[16];
	const char *key;
	bson_t item, condition;
	buffer_init(&pattern, NULL, PATTERN_MAX);
	word_search_pattern(word, &pattern);
	buffer_append_byte(&pattern, '\0');
	bool is_done = !pattern.failed;
	bson_uint32_to_string(index, &key, storage, sizeof storage);
	BSON_APPEND_DOCUMENT_BEGIN(all, key, &item);
	BSON_APPEND_DOCUMENT_BEGIN(&item, "name", &condition);
	is_done = is_done && BSON_APPEND_REGEX(&condition, "$regex", pattern.data, "");
	is_done = bson_append_document_end(&item, &condition) && is_done;
	is_done = bson_append_document_end(all, &item) && is_done;
	buffer_release(&pattern);
	return is_done;
}

/* {$and: [{name: …}, …]}: each word begins one of the name. */
static bool append_words(bson_t *query, struct slice words)
{
	assert(word_search_is_possible(words));
	bson_t all;
	struct slice word;
	bool is_done = true;
	uint32_t count = 0;
	BSON_APPEND_ARRAY_BEGIN(query, "$and", &all);
	while (is_done && word_search_next(&words, &word))
		is_done = append_word(&all, count++, word);
	return bson_append_array_end(query, &all) && is_done;
}

static bool has_words(struct slice words)
{
	struct slice word;
	return word_search_next(&words, &word);
}

bool mongodb_append_filter(bson_t *query, const struct catalog_filter *filter, const struct uuid *after)
{
	assert(query != NULL);
	static const struct catalog_filter everything = {0};
	bson_t range;
	bool is_done = true;
	filter = filter == NULL ? &everything : filter;
	if (after != NULL) {
		BSON_APPEND_DOCUMENT_BEGIN(query, "_id", &range);
		mongodb_append_id(&range, "$gt", after);
		is_done = bson_append_document_end(query, &range);
	}
	if (filter->starts_from_ms != 0 || filter->starts_until_ms != 0) {
		BSON_APPEND_DOCUMENT_BEGIN(query, "starts_at", &range);
		if (filter->starts_from_ms != 0)
			BSON_APPEND_DATE_TIME(&range, "$gte", date_of(filter->starts_from_ms));
		if (filter->starts_until_ms != 0)
			BSON_APPEND_DATE_TIME(&range, "$lte", date_of(filter->starts_until_ms));
		is_done = bson_append_document_end(query, &range) && is_done;
	}
	if (filter->status != 0)
		is_done = BSON_APPEND_UTF8(query, "status", sale_status_name(filter->status)) && is_done;
	if (!slice_is_empty(filter->venue))
		is_done = is_done && append_text(query, "folded.venue", filter->venue);
	if (has_words(filter->words))
		is_done = is_done && append_words(query, filter->words);
	return is_done;
}
