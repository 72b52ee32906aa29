/* jwks_fetcher.c: libcurl, bounded in size and time, without redirects. */
#include "runtime/jwks_fetcher.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/now.h"
#include "pipeline/worker.h"

#define REFRESH_MS (5 * 60 * 1000)
#define RETRY_MS (10 * 1000) /* fetches for tokens whose key is not known begin at least this far apart */
#define LOOK_MS 200          /* looks so often whether there was a token whose key is not known */
#define CONNECT_TIMEOUT_MS 3000L

struct jwks_fetcher {
	const char *url;
	struct jwt_keyring *keyring;
	struct logger *logger;
	struct dependency *dependency;
	struct worker *worker;
	CURL *curl;
	_Atomic bool is_stopping;
	_Atomic enum jwks_state state;
	uint64_t fetched_at_ms; /* when the last fetch began; 0: never */
	char problem[CURL_ERROR_SIZE];
};

bool jwks_url_is_acceptable(const char *url)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *host = NULL;
	bool is_acceptable = false;
	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		bool is_loopback = strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 || strcmp(host, "localhost") == 0;
		is_acceptable = strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && is_loopback);
	}
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parts);
	return is_acceptable;
}

/* Anything but `size * count` makes libcurl give up. */
static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct buffer *body = context;
	buffer_append(body, data, size * count);
	return body->failed ? 0 : size * count;
}

static int on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t upload_total, curl_off_t upload_now)
{
	(void)total, (void)now, (void)upload_total, (void)upload_now;
	return atomic_load(&((struct jwks_fetcher *)context)->is_stopping) ? 1 : 0;
}

static bool curl_prepare(struct jwks_fetcher *fetcher)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	CURL *curl = fetcher->curl = curl_easy_init();
	bool is_plain = strncmp(fetcher->url, "https:", 6) != 0; /* to loopback: a proxy would hand out keys of its own */
	return curl != NULL && (!is_plain || curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK) &&
	       curl_easy_setopt(curl, CURLOPT_URL, fetcher->url) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK && /* a look-up of the host's name does not hold up the stop */
	       curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)fetcher->dependency->options.deadline_ms) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)JWT_JWKS_LENGTH_MAX) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetcher) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fetcher->problem) == CURLE_OK;
}

/* Nobody but those of the file, or of SSL_CERT_FILE, which libcurl does not look at; else those it knows of. */
static bool trust(CURL *curl, const char *authorities)
{
	assert(curl != NULL);
	const char *path = authorities != NULL ? authorities : getenv("SSL_CERT_FILE");
	return path == NULL || *path == '\0' ||
	       (curl_easy_setopt(curl, CURLOPT_CAINFO, path) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

/* NULL: the keys are published. Else what went wrong, which lives until the next fetch. */
static const char *fetch(struct jwks_fetcher *fetcher)
{
	struct buffer body;
	buffer_init(&body, NULL, JWT_JWKS_LENGTH_MAX);
	fetcher->problem[0] = '\0';
	curl_easy_setopt(fetcher->curl, CURLOPT_WRITEDATA, &body);
	CURLcode code = curl_easy_perform(fetcher->curl);
	long status = 0;
	curl_easy_getinfo(fetcher->curl, CURLINFO_RESPONSE_CODE, &status);
	const char *problem = NULL;
	struct jwt_keys *keys = NULL;
	if (body.failed || code == CURLE_FILESIZE_EXCEEDED) /* newer versions of libcurl count what comes, too */
		problem = "the answer is larger than 64 KiB";
	else if (code != CURLE_OK)
		problem = fetcher->problem[0] != '\0' ? fetcher->problem : curl_easy_strerror(code);
	else if (status != 200)
		problem = "the answer's status is not 200";
	else if (jwt_keys_from_jwks(buffer_slice(&body), &keys) != OK)
		problem = "the answer is not a key set with a usable key";
	buffer_release(&body);
	if (keys != NULL)
		jwt_keyring_publish(fetcher->keyring, keys);
	return problem;
}

static void fetch_and_tell(struct jwks_fetcher *fetcher, const struct dependency_call *call)
{
	atomic_store(&fetcher->keyring->is_key_missing, false); /* first, so that a token that comes meanwhile counts */
	fetcher->fetched_at_ms = monotonic_now_ms();
	const char *problem = fetch(fetcher);
	dependency_end(fetcher->dependency, call, problem == NULL ? DEPENDENCY_SERVED : DEPENDENCY_FAILED, monotonic_now_ns());
	dependency_tell(fetcher->dependency, problem == NULL, problem == NULL ? "" : problem);
	if (atomic_load(&fetcher->is_stopping))
		return;
	bool was_failing = atomic_load(&fetcher->state) == JWKS_FAILING;
	if (problem != NULL && !was_failing)
		log_event(fetcher->logger, LOG_WARN, "token keys cannot be fetched", log_string("problem", problem));
	else if (problem == NULL && was_failing)
		log_event(fetcher->logger, LOG_INFO, "token keys are fetched again");
	atomic_store(&fetcher->state, problem == NULL ? JWKS_CURRENT : JWKS_FAILING);
}

static uint64_t fetcher_step(void *context)
{
	struct jwks_fetcher *fetcher = context;
	uint64_t age_ms = monotonic_now_ms() - fetcher->fetched_at_ms;
	uint64_t pause_ms = atomic_load(&fetcher->keyring->is_key_missing) ? RETRY_MS : REFRESH_MS;
	bool is_due = fetcher->fetched_at_ms == 0 || atomic_load(&fetcher->state) == JWKS_FAILING || age_ms >= pause_ms;
	struct dependency_call call;
	if (is_due && dependency_begin(fetcher->dependency, monotonic_now_ns(), &call))
		fetch_and_tell(fetcher, &call);
	return LOOK_MS;
}

enum error jwks_fetcher_new(const char *url, const char *authorities, struct jwt_keyring *keyring, struct logger *logger,
                            struct dependency *dependency, struct jwks_fetcher **ret_fetcher)
{
	assert(url != NULL && keyring->are_keys_published);

	struct jwks_fetcher *fetcher = calloc(1, sizeof *fetcher);
	if (fetcher == NULL)
		return ERR_NO_MEMORY;
	fetcher->url = url;
	fetcher->keyring = keyring;
	fetcher->logger = logger;
	fetcher->dependency = dependency;
	enum error error = curl_prepare(fetcher) && trust(fetcher->curl, authorities) ? OK : ERR_NO_MEMORY;
	if (error == OK) {
		const struct worker_options worker = {.name = "token keys", .step = fetcher_step, .context = fetcher};
		error = worker_new(&worker, &fetcher->worker);
	}
	if (error != OK) {
		jwks_fetcher_free(fetcher);
		return error;
	}
	*ret_fetcher = fetcher;
	return OK;
}

enum jwks_state jwks_fetcher_state(const struct jwks_fetcher *fetcher)
{
	return atomic_load(&fetcher->state);
}

void jwks_fetcher_free(struct jwks_fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	atomic_store(&fetcher->is_stopping, true);
	worker_free(fetcher->worker);
	curl_easy_cleanup(fetcher->curl);
	free(fetcher);
}
