/* http_client.c: over libcurl. */
#include "runtime/http_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/terminal.h"

#define UNIX_MARK "://unix:"

/* http://unix:/run/tro/api.sock:/v1/healthz: the socket, and what it is asked for. False: the URL is another one, or too long. */
static bool set_unix_socket(CURL *curl, const char *url)
{
	const char *end = strrchr(url, ':'), *mark = strstr(url, UNIX_MARK);
	size_t prefix = mark == NULL ? 0 : (size_t)(mark - url) + sizeof UNIX_MARK - 1;
	char path[108], target[1024];
	if (prefix == 0 || end < url + prefix || (size_t)(end - url) - prefix >= sizeof path)
		return false;
	memcpy(path, url + prefix, (size_t)(end - url) - prefix);
	path[(size_t)(end - url) - prefix] = '\0';
	int length = snprintf(target, sizeof target, "%.*s://localhost%s", (int)(mark - url), url, end + 1);
	if (length < 0 || (size_t)length >= sizeof target)
		return false;
	return curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_URL, target) == CURLE_OK;
}

static void set_options(CURL *curl, const char *url, const struct curl_slist *headers, struct slice body, long timeout_s)
{
	if (!set_unix_socket(curl, url))
		curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s);
	if (body.data == NULL)
		return;
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.length);
}

struct body {
	FILE *file;
	size_t length;
};

/* Of libcurl: fewer bytes than were given end the call. */
static size_t take(char *data, size_t size, size_t count, void *context)
{
	struct body *body = context;
	assert(size == 1);
	if (count > HTTP_ANSWER_MAX - body->length)
		return 0;
	body->length += count;
	return fwrite(data, 1, count, body->file);
}

int http_call(const char *url, const char *trusted, const struct curl_slist *headers, struct slice body, long timeout_s,
              struct http_answer *ret_answer)
{
	assert(url != NULL && timeout_s > 0 && ret_answer != NULL);
	char message[CURL_ERROR_SIZE] = "";
	size_t length = 0;
	*ret_answer = (struct http_answer){0};
	CURL *curl = curl_easy_init();
	struct body received = {.file = open_memstream(&ret_answer->body, &length)};
	CURLcode result = CURLE_OUT_OF_MEMORY;
	if (curl != NULL && received.file != NULL) {
		set_options(curl, url, headers, body, timeout_s);
		if (trusted != NULL) {
			curl_easy_setopt(curl, CURLOPT_CAINFO, trusted);
			curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
		}
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
		result = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
	}
	if (received.file != NULL)
		fclose(received.file);
	curl_easy_cleanup(curl);
	if (result == CURLE_OK && ret_answer->body != NULL)
		return EXIT_DONE;
	free(ret_answer->body);
	if (result == CURLE_WRITE_ERROR)
		return complain("%s: the answer is larger than %d bytes", url, HTTP_ANSWER_MAX);
	return complain("%s: %s", url, message[0] != '\0' ? message : curl_easy_strerror(result));
}
