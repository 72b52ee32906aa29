/* tracing.c: the configuration becomes an exporter, a sampler, and the places that spans name. */
#include "runtime/tracing.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/otlp/otlp.h"
#include "adapters/postgres/postgres.h"
#include "base/decimal.h"
#include "base/now.h"
#include "runtime/adapters.h"
#include "runtime/terminal.h"
#include "runtime/trace_resource.h"
#include "runtime/tracing_inside.h"

#define SPANS_MAX 16384 /* that wait: 10 MiB */
#define BATCH_SPANS 1024
#define TEXT_BLOCK 4096
#define TEXT_MAX (256 * 1024)

static const char *keep(struct tracing *tracing, const char *text)
{
	return text == NULL || *text == '\0' ? NULL : arena_copy(&tracing->arena, slice_of(text)).data;
}

/* Of a URL with one host; of another nothing is known. */
static void place_of_url(struct tracing *tracing, const char *url, struct trace_place *place)
{
	CURLU *parts = curl_url();
	char *host = NULL, *port = NULL;
	uint64_t number = 0;
	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && strchr(host, ',') == NULL)
		place->host = keep(tracing, host);
	if (place->host != NULL && curl_url_get(parts, CURLUPART_PORT, &port, 0) == CURLUE_OK &&
	    decimal_parse(slice_of(port), UINT16_MAX, &number))
		place->port = (uint16_t)number;
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parts);
}

static void find_places(struct tracing *tracing, const struct config_systems *systems)
{
	tracing->store = (struct trace_place){.system = "sqlite", .namespace = "tro.db"};
	if (systems->crdb_dsn != NULL) {
		struct postgres_place place;
		postgres_place_of(systems->crdb_dsn, &place);
		tracing->store = (struct trace_place){.system = "postgresql",
		                                      .namespace = keep(tracing, place.database),
		                                      .host = keep(tracing, place.host),
		                                      .port = place.port};
	}
	tracing->catalog = tracing->store;
	if (systems->mongo_uri != NULL) {
		tracing->catalog = (struct trace_place){.system = "mongodb"};
		place_of_url(tracing, systems->mongo_uri, &tracing->catalog);
	}
	tracing->bus = (struct trace_place){.system = systems->rabbit_url == NULL ? "tro" : "rabbitmq"};
	if (systems->rabbit_url != NULL)
		place_of_url(tracing, systems->rabbit_url, &tracing->bus);
}

/* Once, when it is so, and when it is over. */
static void tell_exporter(void *context, const char *problem)
{
	const struct tracing *tracing = context;
	if (tracing->logger == NULL)
		fprintf(stderr, problem != NULL ? "spans cannot be sent: %s\n" : "spans are sent again\n", problem);
	else if (problem != NULL)
		log_event(tracing->logger, LOG_WARN, "spans cannot be sent", log_string("problem", problem));
	else
		log_event(tracing->logger, LOG_INFO, "spans are sent again");
}

static const char *name_of(uint32_t roles)
{
	if (roles == (ROLE_API | ROLE_EXPIRY | ROLE_PUBLISHER))
		return "tro";
	if ((roles & ROLE_API) != 0)
		return "tro-api";
	if ((roles & ROLE_EXPIRY) != 0)
		return "tro-expiry-worker";
	return (roles & ROLE_PUBLISHER) != 0 ? "tro-outbox-publisher" : "tro-consume";
}

static bool open_exporter(struct tracing *tracing, const struct config_traces *traces, uint32_t roles, struct random *random,
                          struct span_exporter **ret_exporter, char message[static OTLP_MESSAGE_MAX])
{
	bool is_grpc = traces->protocol == NULL ? otlp_protocol_of(traces->endpoint) == OTLP_GRPC : strcmp(traces->protocol, "grpc") == 0;
	struct otlp_options options = {
		.endpoint = traces->endpoint,
		.protocol = is_grpc ? OTLP_GRPC : OTLP_HTTP,
		.headers = traces->headers,
		.timeout_ms = traces->timeout_ms,
		.is_compressed = strcmp(traces->compression, "gzip") == 0,
	};
	return trace_resource_make(traces, name_of(roles), random, &tracing->arena, &options.resource, message) &&
	       otlp_exporter_new(&options, ret_exporter, message) == OK;
}

static bool start(struct tracing *tracing, const struct config *config, uint32_t roles, struct random *random,
                  char message[static OTLP_MESSAGE_MAX])
{
	struct span_exporter *exporter;
	snprintf(message, OTLP_MESSAGE_MAX, "out of memory");
	if (!open_exporter(tracing, &config->traces, roles, random, &exporter, message))
		return false;
	find_places(tracing, &config->systems);
	const struct tracer_options options = {
		.exporter = exporter,
		.capacity = SPANS_MAX,
		.batch_max = BATCH_SPANS,
		.now_ns = monotonic_now_ns,
		.told = tell_exporter,
		.context = tracing,
	};
	snprintf(message, OTLP_MESSAGE_MAX, "the thread that sends spans cannot be started");
	return tracer_new(&options, &tracing->tracer) == OK && tracer_start(tracing->tracer) == OK;
}

bool tracing_new(const struct config *config, uint32_t roles, struct random *random, struct logger *logger, struct tracing **ret_tracing)
{
	assert(config != NULL && ret_tracing != NULL);
	const struct config_traces *traces = &config->traces;
	char message[OTLP_MESSAGE_MAX] = "out of memory";
	*ret_tracing = NULL;
	if (traces->endpoint == NULL || traces->is_disabled)
		return true;
	struct tracing *tracing = calloc(1, sizeof *tracing);
	if (tracing == NULL) {
		(void)complain("%s", message);
		return false;
	}
	tracing->random = random;
	tracing->logger = logger;
	arena_init(&tracing->arena, TEXT_BLOCK, TEXT_MAX);
	bool is_known = trace_sampler_parse(slice_of(traces->sampler), traces->sampler_ratio, &tracing->sampler);
	assert(is_known); /* the configuration takes no other */
	if (!start(tracing, config, roles, random, message)) {
		(void)complain("%s", message);
		tracing_free(tracing);
		return false;
	}
	*ret_tracing = tracing;
	return true;
}

void tracing_free(struct tracing *tracing)
{
	if (tracing == NULL)
		return;
	tracer_free(tracing->tracer);
	arena_release(&tracing->arena);
	free(tracing);
}

const struct trace_sampler *tracing_sampler(const struct tracing *tracing)
{
	return tracing == NULL ? NULL : &tracing->sampler;
}

const struct tracer_counters *tracing_counters(const struct tracing *tracing)
{
	return tracing == NULL ? NULL : tracer_counters(tracing->tracer);
}
