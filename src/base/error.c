/* error.c: error.def as a table, indexed by the enumeration. */
#include "base/error.h"

#include <assert.h>

struct error_row {
	const char *name;
	const char *slug;
	const char *type;
	const char *title;
	uint16_t status;
	bool is_retryable;
};

static const struct error_row rows[ERROR_COUNT] = {
	[OK] = {.name = "OK", .slug = "ok", .type = "about:blank", .title = "OK", .status = 200},
#define X(error, error_status, error_slug, error_is_retryable, error_title) \
	[error] = { \
		.name = #error, \
		.slug = error_slug, \
		.type = PROBLEM_TYPE_BASE error_slug, \
		.title = error_title, \
		.status = error_status, \
		.is_retryable = error_is_retryable, \
	},
#include "base/error.def"
#undef X
};

static const struct error_row *error_row(enum error error)
{
	assert((unsigned)error < ERROR_COUNT);
	return &rows[error];
}

const char *error_name(enum error error)
{
	return error_row(error)->name;
}

uint16_t error_status(enum error error)
{
	return error_row(error)->status;
}

const char *error_slug(enum error error)
{
	return error_row(error)->slug;
}

const char *error_type(enum error error)
{
	return error == ERR_RATE_LIMITED ? PROBLEM_TYPE_QUOTA_EXCEEDED : error_row(error)->type;
}

const char *error_title(enum error error)
{
	return error_row(error)->title;
}

bool error_is_retryable(enum error error)
{
	return error_row(error)->is_retryable;
}

enum error error_told(enum error error)
{
	if (error == ERR_NO_MEMORY)
		return ERR_OVERLOADED;
	return error_status(error) == 500 ? ERR_INTERNAL : error;
}
