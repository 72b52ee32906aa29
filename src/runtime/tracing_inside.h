/* tracing_inside.h: shared by the files of tracing. Private to them. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/trace_sampler.h"
#include "obs/log.h"
#include "ports/random.h"
#include "trace/span.h"
#include "trace/tracer.h"

/* A system that spans of this process name; NULL and empty texts: unknown. All live as long as the tracing. */
struct trace_place {
	const char *system;    /* "postgresql", "rabbitmq" */
	const char *namespace; /* of a database */
	const char *host;
	uint16_t port;
};

struct tracing {
	struct tracer *tracer;
	struct trace_sampler sampler;
	struct trace_place store, catalog, bus;
	struct random *random;
	struct logger *logger; /* NULL: there is none */
	struct arena arena;    /* of the texts */
};

/* Adds server.address and server.port, as far as they are known. */
static inline void trace_place_add_server(const struct trace_place *place, struct span *span)
{
	if (place->host != NULL)
		span_add_word(span, "server.address", place->host);
	if (place->host != NULL && place->port != 0)
		span_add_int(span, "server.port", place->port);
}
