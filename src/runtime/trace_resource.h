/* trace_resource.h: the attributes of the process in every span: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, and the process's own. */
#pragma once

#include <stdbool.h>

#include "adapters/otlp/otlp.h"
#include "base/arena.h"
#include "base/attributes.h"
#include "config/config.h"
#include "ports/random.h"

/* Texts live in the arena. program: the service's name where nobody has set one. False: message says what cannot be read. */
must_check bool trace_resource_make(const struct config_traces *config, const char *program, struct random *random, struct arena *arena,
                                    struct otlp_resource *ret_resource, char message[static OTLP_MESSAGE_MAX]);
