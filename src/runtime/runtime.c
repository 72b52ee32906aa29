/* runtime.c: puts the modules together for the roles of a process, and takes them apart in order. */
#include "runtime/runtime.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/admission_monitor.h"
#include "app/dependencies.h"
#include "app/expirer.h"
#include "app/publisher.h"
#include "app/sales_watch.h"
#include "app/seat_maps.h"
#include "app/service.h"
#include "app/store_clock.h"
#include "app/watch.h"
#include "base/hlc.h"
#include "base/now.h"
#include "base/version.h"
#include "http/api.h"
#include "http/routes.h"
#include "obs/log.h"
#include "pipeline/worker.h"
#include "runtime/auditing.h"
#include "runtime/confine.h"
#include "runtime/forgotten.h"
#include "runtime/instruments.h"
#include "runtime/listeners.h"
#include "runtime/process.h"
#include "runtime/request_log.h"
#include "runtime/supervisor.h"
#include "runtime/terminal.h"
#include "runtime/token_keys.h"
#include "runtime/tracing.h"

#define QUEUE_CAPACITY 8192
#define BATCH_MAX 512
#define VIEW_ROWS_MAX 32768
#define TOKENS_CACHED 4096
#define STOP_MS 6000 /* for the answers; all the rest takes 3 s at most, even if the store and the bus hang */
#define STOP_SECONDS_MAX 9
#define MONGODB_PATIENCE_MS 150 /* a page that it does not give by then is refused within 300 ms */

struct runtime {
	const struct config *config;
	uint32_t roles;
	uint32_t connections_max; /* the setting, or as many as there are descriptors for */
	struct logger *logger;
	struct token_keys token_keys;
	struct adapters adapters;
	struct dependencies dependencies;
	struct store_clock clock; /* tells the time for deadlines */
	struct instruments *instruments;
	struct tracing *tracing; /* NULL: nothing is recorded */
	struct service *service;
	struct expirer *expirer;
	struct publisher *publisher;
	struct worker *expirer_worker, *publisher_worker, *watch_worker, *admission_worker;
	struct seat_maps *maps; /* NULL: this process serves no clients */
	struct worker *maps_worker;
	struct admission_monitor admission_monitor; /* of an admission outside this process */
	struct watch watch;
	struct sales_watch sales_watch;
	struct request_log request_log;
	struct auditing *auditing; /* NULL: this process serves no clients */
	struct listeners listeners;
	struct confinement confinement;
	_Atomic bool has_started;     /* it could serve once */
	const char *told_silent_lane; /* in the log, by the watch */
};

static void on_committed(void *context, const struct changes *changes)
{
	struct runtime *runtime = context;
	instruments_committed(runtime->instruments, changes);
	if (runtime->maps != NULL)
		seat_maps_committed(runtime->maps, changes);
	if (runtime->publisher_worker != NULL)
		worker_wake(runtime->publisher_worker);
}

static void on_measured(void *context, uint64_t commit_ns, const struct list *jobs, uint32_t job_count)
{
	(void)jobs;
	instruments_commit(((struct runtime *)context)->instruments, commit_ns, job_count);
}

static void on_answered(void *context, const struct job *job)
{
	struct runtime *runtime = context;
	instruments_job(runtime->instruments, job);
	if (runtime->tracing != NULL)
		tracing_job(runtime->tracing, job);
}

static void on_decided(void *context, enum command_kind kind, const struct outcome *outcome)
{
	struct runtime *runtime = context;
	instruments_command(runtime->instruments, kind, outcome);
	request_log_decided(&runtime->request_log, kind, outcome);
}

static void on_finished(void *context, const struct http_request_summary *summary)
{
	struct runtime *runtime = context;
	instruments_request(runtime->instruments, summary);
	if (runtime->tracing != NULL)
		tracing_request(runtime->tracing, summary);
	request_log_write(&runtime->request_log, summary);
	auditing_request(runtime->auditing, summary);
}

static void on_ready(void *context, struct ready_report *ret_report)
{
	struct runtime *runtime = context;
	watch_ready(&runtime->watch, ret_report);
	token_keys_ready(&runtime->token_keys, ret_report);
}

/* Asked for or looked at, whichever finds it out first: once it is so it stays. */
static bool on_has_started(void *context)
{
	struct runtime *runtime = context;
	struct ready_report report;
	if (runtime->has_started)
		return true;
	on_ready(runtime, &report);
	if (ready_report_state(&report) != READY_DOWN)
		runtime->has_started = true;
	return runtime->has_started;
}

static const char *on_silent_lane(void *context)
{
	const struct runtime *runtime = context;
	return runtime->service == NULL ? NULL : service_silent_lane(runtime->service);
}

static void on_metrics(void *context, bool is_openmetrics, struct buffer *buffer)
{
	instruments_write(((struct runtime *)context)->instruments, is_openmetrics, buffer);
}

static void on_outbox(void *context, struct watched_outbox *ret_outbox)
{
	*ret_outbox = watch_outbox(&((struct runtime *)context)->watch);
}

static int64_t read_clock_skew(void *context)
{
	const struct runtime *runtime = context;
	const struct monitor *monitor = &runtime->watch.monitor;
	return runtime->adapters.is_store_shared && !monitor->has_store_clock ? METRIC_ABSENT : monitor->clock_skew_ms;
}

static uint64_t count_unroutable(void *context)
{
	const struct runtime *runtime = context;
	struct bus_status status;
	adapters_bus_status(&runtime->adapters, &status);
	return status.unroutable;
}

static void submit(void *context, struct job *job)
{
	service_submit(((struct runtime *)context)->service, job);
}

static void on_expired(void *context, uint64_t late_ms)
{
	instruments_expired(((struct runtime *)context)->instruments, late_ms);
}

static void wake_expirer(void *context)
{
	struct runtime *runtime = context;
	if (runtime->expirer_worker != NULL)
		worker_wake(runtime->expirer_worker);
}

static void on_map_lag(void *context, uint64_t lag_ms)
{
	instruments_map_lag(((struct runtime *)context)->instruments, lag_ms);
}

static void wake_maps(void *context)
{
	struct runtime *runtime = context;
	if (runtime->maps_worker != NULL)
		worker_wake(runtime->maps_worker);
}

/* Before the service, which tells of its commits. */
static enum error start_maps(struct runtime *runtime)
{
	const struct seat_maps_options options = {
		.feed = runtime->adapters.seat_feed,
		.clock = &runtime->clock.base,
		.bytes_max = runtime->config->sales.seat_map_bytes,
		.is_alone = runtime->config->systems.crdb_dsn == NULL,
		.lagged = on_map_lag,
		.wake = wake_maps,
		.context = runtime,
	};
	if (options.feed == NULL)
		return OK;
	enum error error = seat_maps_new(&options, &runtime->maps);
	const struct worker_options worker = {.name = "maps", .step = seat_maps_step, .context = runtime->maps};
	return error == OK ? worker_new(&worker, &runtime->maps_worker) : error;
}

static enum error start_service(struct runtime *runtime)
{
	struct adapters *adapters = &runtime->adapters;
	const struct service_options options = {
		.stores = adapters->stores,
		.store_count = adapters->store_count,
		.seating_store = adapters->seating_store,
		.readers = adapters->readers,
		.reader_count = adapters->reader_count,
		.catalog = adapters->catalog,
		.catalog_patience_ms = adapters->mongodb == NULL ? 0 : MONGODB_PATIENCE_MS,
		.catalog_reader = adapters->catalog_reader,
		.admission = adapters->admission,
		.dependencies = &runtime->dependencies,
		.clock = &runtime->clock.base,
		.random = adapters->random,
		.awaits_store = adapters->is_store_shared,
		.queue_capacity = QUEUE_CAPACITY,
		.batch_max = BATCH_MAX,
		.view_rows_max = VIEW_ROWS_MAX,
		.committed = on_committed,
		.measured = on_measured,
		.answered = on_answered,
		.traced = runtime->tracing == NULL ? NULL : tracing_batch,
		.fetched = runtime->tracing == NULL ? NULL : tracing_fetch,
		.traces = runtime->tracing,
		.context = runtime,
	};
	return service_new(&options, &runtime->service);
}

static enum error start_expirer(struct runtime *runtime)
{
	const struct expirer_options options = {
		.reader = runtime->adapters.expirer_reader,
		.clock = &runtime->clock.base,
		.random = runtime->adapters.random,
		.sampler = tracing_sampler(runtime->tracing),
		.is_time_known = &runtime->watch.monitor.is_store_up,
		.submit = submit,
		.wake = wake_expirer,
		.ended = on_expired,
		.context = runtime,
	};
	enum error error = expirer_new(&options, &runtime->expirer);
	if (error != OK)
		return error;
	const struct worker_options worker = {
		.name = "expirer", .step = expirer_step, .context = runtime->expirer, .spacing_ms = EXPIRER_SPACING_MS};
	return worker_new(&worker, &runtime->expirer_worker);
}

static enum error start_publisher(struct runtime *runtime)
{
	struct adapters *adapters = &runtime->adapters;
	const struct publisher_options options = {
		.outbox = adapters->outbox,
		.bus = adapters->bus,
		.dependencies = &runtime->dependencies,
		.clock = &runtime->clock.base,
		.owner = uuid_v7(hlc_from_milliseconds(clock_now_ms(adapters->clock)), random_u64(adapters->random),
	                         (uint8_t)random_u64(adapters->random)),
		.publishing = runtime->tracing == NULL ? NULL : tracing_publishing,
		.published = runtime->tracing == NULL ? NULL : tracing_published,
		.context = runtime->tracing,
	};
	enum error error = publisher_new(&options, &runtime->publisher);
	if (error != OK)
		return error;
	const struct worker_options worker = {
		.name = "publisher", .step = publisher_step, .context = runtime->publisher, .spacing_ms = PUBLISHER_SPACING_MS};
	return worker_new(&worker, &runtime->publisher_worker);
}

/* Once, when it is so, and when it is over. */
static void tell_silent_lane(struct runtime *runtime)
{
	const char *silent_lane = on_silent_lane(runtime);
	if (silent_lane != NULL && runtime->told_silent_lane == NULL)
		log_event(runtime->logger, LOG_ERROR, "a lane hangs", log_string("lane", silent_lane));
	else if (silent_lane == NULL && runtime->told_silent_lane != NULL)
		log_event(runtime->logger, LOG_INFO, "a lane goes on", log_string("lane", runtime->told_silent_lane));
	runtime->told_silent_lane = silent_lane;
}

static void read_bus_status(const void *context, struct bus_status *ret_status)
{
	adapters_bus_status(context, ret_status);
}

static uint64_t step_watch(void *context)
{
	struct runtime *runtime = context;
	uint64_t wait_ms = watch_step(&runtime->watch);
	sales_watch_step(&runtime->sales_watch, runtime->watch.monitor.is_store_up && !runtime->watch.monitor.is_stopping);
	(void)on_has_started(runtime);
	tell_silent_lane(runtime);
	logger_tell_left_out(runtime->logger, false);
	return wait_ms;
}

static enum error start_watch(struct runtime *runtime)
{
	struct adapters *adapters = &runtime->adapters;
	runtime->watch = (struct watch){
		.monitor = {.reader = adapters->monitor_reader,
	                    .catalog = adapters->monitor_catalog,
	                    .clock = adapters->clock,
	                    .store_clock = &runtime->clock,
	                    .service = runtime->service},
		.publisher = runtime->publisher,
		.admission_monitor = runtime->admission_worker == NULL ? NULL : &runtime->admission_monitor,
		.is_admission_per_process = (runtime->roles & ROLE_API) != 0 && runtime->config->systems.crdb_dsn != NULL &&
	                                    runtime->config->systems.redis == NULL,
		.service = runtime->service,
		.bus_status = read_bus_status,
		.bus_context = adapters,
		.logger = runtime->logger,
		.clock = &runtime->clock.base,
		.dependencies = &runtime->dependencies,
	};
	runtime->sales_watch = sales_watch_of(adapters->monitor_reader, runtime->maps, &runtime->clock.base);
	const struct worker_options worker = {.name = "watch", .step = step_watch, .context = runtime};
	return worker_new(&worker, &runtime->watch_worker);
}

/* Before the watch, which reads what it finds. */
static enum error start_admission_monitor(struct runtime *runtime)
{
	struct admission *admission = runtime->adapters.admission;
	if (admission == NULL || admission->local == NULL)
		return OK;
	admission_monitor_init(&runtime->admission_monitor, admission, &runtime->dependencies.of[DEPENDENCY_ADMISSION],
	                       runtime->adapters.clock);
	const struct worker_options worker = {
		.name = "admission-ping", .step = admission_monitor_step, .context = &runtime->admission_monitor};
	return worker_new(&worker, &runtime->admission_worker);
}

/* Connects the sources of metrics. The server is the last, and must not serve before. */
static void connect_instruments(struct runtime *runtime)
{
	const struct instruments_sources sources = {
		.service = runtime->service,
		.server = runtime->listeners.everybody.server,
		.catalog_pool = runtime->adapters.mongodb,
		.logger = runtime->logger,
		.traces = tracing_counters(runtime->tracing),
		.maps = runtime->maps,
		.outbox = on_outbox,
		.sales = &runtime->sales_watch,
		.clock = &runtime->clock.base,
		.workers = {runtime->expirer_worker, runtime->publisher_worker, runtime->maps_worker, runtime->watch_worker},
		.data_dir = runtime->adapters.is_store_shared ? NULL : runtime->config->systems.data_dir,
		.publisher = runtime->publisher,
		.unroutable = count_unroutable,
		.expirer = runtime->expirer,
		.clock_skew_ms = read_clock_skew,
		.context = runtime,
	};
	instruments_connect(runtime->instruments, &sources, runtime->maps != NULL);
}

/* Answers an exit code, with the complaint made. */
static int start_listeners(struct runtime *runtime)
{
	const struct config *config = runtime->config;
	const struct api_options api = {
		.service = (runtime->roles & ROLE_API) != 0 ? runtime->service : NULL,
		.maps = runtime->maps,
		.client_ipv6_prefix = config->http.client_ipv6_prefix,
		.clock = runtime->adapters.clock, /* those who sign tokens and callbacks do not have the store's */
		.random = runtime->adapters.random,
		.jwt = {.keyring = &runtime->token_keys.keyring,
	                .leeway_ms = config->auth.jwt_leeway_ms,
	                .issuer = config->auth.jwt_issuer,
	                .audience = config->auth.jwt_audience,
	                .cache_capacity = TOKENS_CACHED},
		.payment_secrets = config->auth.payment_secrets.items,
		.payment_secret_count = config->auth.payment_secrets.count,
		.requires_payment_amount = config->auth.requires_payment_amount,
		.hold_ttl_ms = config->sales.hold_ttl_ms,
		.order_ttl_ms = config->sales.order_ttl_ms,
		.seats_per_hold_max = config->sales.seats_per_hold_max,
		.streams_max = runtime->connections_max / 2,
		.ready = on_ready,
		.has_started = on_has_started,
		.silent_lane = on_silent_lane,
		.metrics = on_metrics,
		.decided = on_decided,
		.context = runtime,
	};
	const struct listeners_options options = {.config = config,
	                                          .api = &api,
	                                          .connections_max = runtime->connections_max,
	                                          .sampler = tracing_sampler(runtime->tracing),
	                                          .finished = on_finished,
	                                          .context = runtime};
	int code = listeners_open(&runtime->listeners, &options);
	if (code != EXIT_DONE)
		return code;
	connect_instruments(runtime);
	return listeners_serve(&runtime->listeners);
}

static enum error start_parts(struct runtime *runtime)
{
	enum error error = start_maps(runtime);
	if (error == OK)
		error = auditing_start(&runtime->adapters, &runtime->auditing);
	if (error == OK && (runtime->roles & (ROLE_API | ROLE_EXPIRY)) != 0)
		error = start_service(runtime);
	if (error == OK && (runtime->roles & ROLE_PUBLISHER) != 0)
		error = start_publisher(runtime);
	if (error == OK)
		error = start_admission_monitor(runtime);
	if (error == OK)
		error = start_watch(runtime);
	if (error == OK && (runtime->roles & ROLE_EXPIRY) != 0)
		error = start_expirer(runtime);
	return error;
}

/* Everything behind the adapters. Answers an exit code, with the complaint made. */
static int start(struct runtime *runtime)
{
	if (!tracing_new(runtime->config, runtime->roles, runtime->adapters.random, runtime->logger, &runtime->tracing))
		return EXIT_FAILED;
	store_clock_init(&runtime->clock, runtime->adapters.clock);
	dependencies_init(&runtime->dependencies, random_u64(runtime->adapters.random));
	enum error error = instruments_new(runtime->adapters.clock, &runtime->dependencies, &runtime->instruments);
	if (error == OK)
		error = request_log_init(&runtime->request_log, runtime->config, runtime->logger);
	if (error != OK)
		return complain("the service cannot be started: %s", error_title(error));
	int code = EXIT_DONE;
	if ((runtime->roles & ROLE_API) != 0)
		code = token_keys_start(&runtime->token_keys, runtime->config, runtime->logger,
		                        &runtime->dependencies.of[DEPENDENCY_TOKEN_KEYS]);
	if (code != EXIT_DONE)
		return code;
	error = start_parts(runtime);
	if (error != OK)
		return complain("the service cannot be started: %s", error_title(error));
	return start_listeners(runtime);
}

/* Those who may wait for a store or a bus that hangs wait at the same time, and not one after the other. The publisher still sends what the
 * last requests have done, where that is possible. */
static void end_workers(struct runtime *runtime, bool is_over)
{
	if (runtime->expirer_worker != NULL)
		worker_end(runtime->expirer_worker);
	if (runtime->maps_worker != NULL && is_over)
		worker_end(runtime->maps_worker);
	if (runtime->publisher_worker != NULL && (is_over || !runtime->watch.monitor.is_store_up))
		worker_end(runtime->publisher_worker);
	if (runtime->watch_worker != NULL && is_over) {
		runtime->watch.monitor.is_stopping = true;
		worker_end(runtime->watch_worker);
	}
}

/* In this order nothing is handed to somebody who has gone: clients, workers, lanes, then what they stood on. Any part may be missing. */
static void stop(struct runtime *runtime)
{
	end_workers(runtime, false);
	if (!listeners_stop(&runtime->listeners, STOP_MS))
		log_event(runtime->logger, LOG_WARN, "connections were cut", log_uint("after_ms", STOP_MS));
	end_workers(runtime, true);
	listeners_stop_operators(&runtime->listeners);
	if (runtime->expirer_worker != NULL)
		worker_stop(runtime->expirer_worker);
	if (runtime->watch_worker != NULL)
		worker_stop(runtime->watch_worker);
	if (runtime->admission_worker != NULL)
		worker_stop(runtime->admission_worker);
	if (runtime->maps_worker != NULL)
		worker_stop(runtime->maps_worker);
	seat_maps_stop(runtime->maps);
	service_free(runtime->service);
	if (runtime->publisher_worker != NULL)
		worker_stop(runtime->publisher_worker);
	if (runtime->publisher != NULL)
		publisher_finish(runtime->publisher);
	listeners_free(&runtime->listeners);
	auditing_stop(runtime->auditing);
	token_keys_release(&runtime->token_keys);
	worker_free(runtime->expirer_worker);
	expirer_free(runtime->expirer);
	worker_free(runtime->publisher_worker);
	publisher_free(runtime->publisher);
	worker_free(runtime->watch_worker);
	worker_free(runtime->admission_worker);
	worker_free(runtime->maps_worker);
	seat_maps_free(runtime->maps);
	admission_monitor_release(&runtime->admission_monitor);
	instruments_free(runtime->instruments);
	dependencies_release(&runtime->dependencies);
	tracing_free(runtime->tracing);
	adapters_close(&runtime->adapters);
}

static void on_poked(void *context, int signal_number)
{
	struct runtime *runtime = context;
	if (signal_number == SIGHUP) {
		listeners_reload(&runtime->listeners, runtime->logger);
		return;
	}
	const struct log_field field = log_string("log_level", log_level_name(logger_toggle_debug(runtime->logger)));
	log_write_each(runtime->logger, LOG_WARN, "the log's level was changed", &field, 1);
}

/* A load balancer that has not noticed yet gets its answers meanwhile. */
static void wait_for_stop(struct runtime *runtime)
{
	uint64_t delay_ms = runtime->config->http.shutdown_delay_ms;
	process_wait_for_stop(on_poked, runtime);
	supervisor_tell("STOPPING=1");
	log_event(runtime->logger, LOG_INFO, "stopping", log_uint("delay_ms", delay_ms));
	runtime->watch.is_stopping = true;
	pause_ms(delay_ms);
}

static int serve(struct runtime *runtime, const struct runtime_options *options)
{
	int code = start(runtime);
	if (code == EXIT_DONE) {
		uint16_t port = http_server_port(runtime->listeners.everybody.server);
		listeners_log(&runtime->listeners, &runtime->config->http, runtime->connections_max, &runtime->confinement,
		              runtime->logger);
		if (options->started != NULL)
			options->started(options->context, port);
		supervisor_tell("READY=1");
		wait_for_stop(runtime);
		process_end_within(STOP_SECONDS_MAX);
	}
	stop(runtime);
	if (code == EXIT_DONE)
		log_event(runtime->logger, LOG_INFO, "stopped");
	return code;
}

/* Everything behind the logger. Answers an exit code, with the complaint made. */
static int run(struct runtime *runtime, const struct runtime_options *options)
{
	char message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_open(options->config, options->roles, &runtime->adapters, message))
		return complain("%s", message);
	if (logger_new(STDERR_FILENO, options->config->log_level, &runtime->logger) != OK) {
		adapters_close(&runtime->adapters);
		return complain("the logger cannot be started");
	}
	if (options->config->log_format == LOG_TEXT)
		logger_write_text(runtime->logger, is_terminal_in_colour(STDERR_FILENO));
	logger_flush_on_abort(runtime->logger);
	int code = serve(runtime, options);
	logger_free(runtime->logger);
	return code;
}

int runtime_run(const struct runtime_options *options)
{
	assert(options != NULL && options->config != NULL && options->roles != 0);
	char message[ADAPTERS_MESSAGE_MAX];
	uint32_t connections_max = options->config->http.connections_max;
	uint32_t descriptors = process_raise_descriptor_limit();
	process_hold_signals(true);
	if (options->config->systems.crdb_dsn == NULL && !process_lock(options->config->systems.data_dir, message, sizeof message))
		return complain("%s", message);
	int code = forgotten_at_start(options->config);
	code = code != EXIT_DONE || options->prepare == NULL ? code : options->prepare(options->context);
	if (code != EXIT_DONE)
		return code;
	struct runtime *runtime = calloc(1, sizeof *runtime);
	if (runtime == NULL)
		return complain("out of memory");
	runtime->config = options->config;
	runtime->roles = options->roles;
	runtime->connections_max = connections_max < descriptors ? connections_max : descriptors;
	runtime->confinement = confine_server(options->config);
	code = run(runtime, options);
	free(runtime);
	return code;
}
