/* log_limit.c: a short list behind a mutex: limited messages are rare. */
#include "obs/log_limit.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void log_limit_init(struct log_limit *limit)
{
	*limit = (struct log_limit){0};
	pthread_mutex_init(&limit->mutex, NULL);
}

void log_limit_release(struct log_limit *limit)
{
	pthread_mutex_destroy(&limit->mutex);
}

/* NULL: there is no room for one more. */
static struct log_limit_message *find(struct log_limit *limit, const char *text)
{
	for (uint32_t i = 0; i < LOG_LIMIT_MESSAGES; i++) {
		struct log_limit_message *message = &limit->messages[i];
		if (message->text == NULL)
			message->text = text;
		if (message->text == text || strcmp(message->text, text) == 0)
			return message;
	}
	return NULL;
}

bool log_limit_allows(struct log_limit *limit, const char *message, uint64_t now_ms)
{
	assert(limit != NULL && message != NULL);

	uint64_t second = now_ms / 1000;
	bool is_allowed = true;
	pthread_mutex_lock(&limit->mutex);
	struct log_limit_message *found = find(limit, message);
	if (found != NULL) {
		if (found->second != second)
			found->lines = 0;
		found->second = second;
		is_allowed = found->lines < LOG_LIMIT_LINES;
		if (is_allowed)
			found->lines++;
		else
			found->left_out++;
	}
	pthread_mutex_unlock(&limit->mutex);
	return is_allowed;
}

const char *log_limit_take(struct log_limit *limit, uint64_t now_ms, uint32_t *ret_left_out)
{
	assert(limit != NULL && ret_left_out != NULL);

	const char *text = NULL;
	pthread_mutex_lock(&limit->mutex);
	for (uint32_t i = 0; i < LOG_LIMIT_MESSAGES && text == NULL; i++) {
		struct log_limit_message *message = &limit->messages[i];
		if (message->left_out == 0 || message->second == now_ms / 1000)
			continue;
		text = message->text;
		*ret_left_out = message->left_out;
		message->left_out = 0;
	}
	pthread_mutex_unlock(&limit->mutex);
	return text;
}
