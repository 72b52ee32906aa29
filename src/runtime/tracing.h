/* tracing.h: the traces of this process: makes spans from the service's reports and sends them to the configured receiver.
 *
 * A request is a span. The stages of its way are spans in it: waiting for admission, admission, waiting for the lane, and the lane's
 * work. A commit batch has a trace of its own, linked both ways with its commands' (app/batch_trace.h). The process that publishes an
 * event makes two spans in the trace of the request that caused it: the event's wait in the outbox, and its publishing. Their ids are
 * computed from the event's, so that repeats have the same. Names and attributes are the semantic conventions of OpenTelemetry, and
 * those with "tro.". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/batch_trace.h"
#include "app/job.h"
#include "base/attributes.h"
#include "base/trace_sampler.h"
#include "config/config.h"
#include "http/server_options.h"
#include "obs/log.h"
#include "ports/random.h"
#include "ports/reader.h"
#include "trace/tracer.h"

struct tracing;

/* *ret_tracing is NULL when nothing is to be recorded. roles: enum role, or 0: of `tro consume`; they name the service by default. config
 * and random are borrowed, like logger: NULL, and what is wrong with the receiver is said on stderr. False: something of the configuration
 * cannot be used, or is missing here, with the complaint made. */
must_check bool tracing_new(const struct config *config, uint32_t roles, struct random *random, struct logger *logger,
                            struct tracing **ret_tracing);
/* Sends the waiting spans, for TRACER_FINISH_MS at most. No thread records any more. Takes NULL. */
void tracing_free(struct tracing *tracing);

const struct trace_sampler *tracing_sampler(const struct tracing *tracing);
const struct tracer_counters *tracing_counters(const struct tracing *tracing);

/* The service's reports; each costs next to nothing for a trace that is not sampled. Safe from any thread. */
void tracing_request(struct tracing *tracing, const struct http_request_summary *summary);
void tracing_job(struct tracing *tracing, const struct job *job);
/* For a service's options; context: the tracing. */
void tracing_batch(void *context, const struct batch_trace *trace, const struct list *jobs);
void tracing_fetch(void *context, const struct job *fetch, uint64_t began_ns, uint64_t ended_ns, bool is_down);
/* For a publisher's options. The record's trace becomes that of the span in which it is published: the parent of the consumer's spans. */
void tracing_publishing(void *tracing, struct event_record *record);
void tracing_published(void *context, const struct event_record *record, uint64_t began_ns, uint64_t ended_ns);

/* A message that a queue of RabbitMQ has delivered; members that it lacks are empty. */
struct tracing_message {
	struct slice traceparent, tracestate;
	uint64_t tag;
	struct slice id, exchange, routing_key;
	const char *queue;
};
/* It was processed from then until then: a span in the one that the message names; without such a name in a trace of its own. Not linked to
 * its parent as well: Jaeger would show the link alone. */
void tracing_consumed(struct tracing *tracing, const struct tracing_message *message, uint64_t began_ns, uint64_t ended_ns);
