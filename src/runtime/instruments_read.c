/* instruments_read.c: the families that are read at a scrape, and their sources. */
#include <assert.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/version.h"
#include "domain/money.h"
#include "runtime/instruments_inside.h"

static const char *const versions[] = {TRO_VERSION};
static const char *const commits[] = {version_commit};
static const char *const lanes[] = {"admission", "commit", "read", "catalog"};
static const char *const workers[INSTRUMENTS_WORKER_COUNT] = {"expirer", "publisher", "maps", "watch"};
static const char *const states[SEAT_STATUSES] = {"available", "held", "reserved", "sold"};
static const char *const map_sources[] = {"memory", "store"};
static const char *const scopes[] = {"shared", "process"};
/* As many as HTTP_THREADS may be. */
static const char *const loops[] = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8",  "9",  "10", "11", "12", "13", "14", "15",
                                    "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31",
                                    "32", "33", "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47",
                                    "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "60", "61", "62", "63"};

static int64_t read_build(void *context, uint32_t series)
{
	(void)context, (void)series;
	return 1;
}

static int64_t read_start(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)((struct instruments *)context)->started_ms;
}

static int64_t read_memory(void *context, uint32_t series)
{
	(void)series;
	return process_metrics_memory(&((struct instruments *)context)->process);
}

static int64_t read_threads(void *context, uint32_t series)
{
	(void)series;
	return process_metrics_threads(&((struct instruments *)context)->process);
}

static int64_t read_cpu(void *context, uint32_t series)
{
	(void)context, (void)series;
	return process_metrics_cpu_us();
}

static int64_t read_descriptors(void *context, uint32_t series)
{
	(void)series;
	return process_metrics_descriptors(&((struct instruments *)context)->process);
}

static int64_t read_descriptors_max(void *context, uint32_t series)
{
	(void)context, (void)series;
	return process_metrics_descriptors_max();
}

static int64_t read_dropped_lines(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->logger == NULL ? 0 : (int64_t)logger_dropped(sources->logger);
}

static const char *const span_outcomes[] = {"exported", "rejected", "dropped_queue_full", "dropped_not_sent"};

static int64_t read_spans_waiting(void *context, uint32_t series)
{
	(void)series;
	const struct tracer_counters *traces = ((struct instruments *)context)->sources.traces;
	return traces == NULL ? 0 : (int64_t)traces->waiting;
}

static int64_t read_spans(void *context, uint32_t series)
{
	const struct tracer_counters *traces = ((struct instruments *)context)->sources.traces;
	return traces == NULL ? 0 : (int64_t)tracer_spans(traces, (enum tracer_outcome)series);
}

static int64_t read_catalog_connections(void *context, uint32_t series)
{
	(void)series;
	const struct mongodb_pool *pool = ((struct instruments *)context)->sources.catalog_pool;
	return pool == NULL ? METRIC_ABSENT : mongodb_pool_in_use(pool);
}

static int64_t read_catalog_connections_max(void *context, uint32_t series)
{
	(void)series;
	const struct mongodb_pool *pool = ((struct instruments *)context)->sources.catalog_pool;
	return pool == NULL ? METRIC_ABSENT : mongodb_pool_max(pool);
}

static int64_t read_connections(void *context, uint32_t series)
{
	(void)series;
	const struct instruments *instruments = context;
	return instruments->sources.server == NULL ? 0 : http_server_connections(instruments->sources.server);
}

static int64_t read_refused_connections(void *context, uint32_t series)
{
	(void)series;
	const struct instruments *instruments = context;
	return instruments->sources.server == NULL ? 0 : (int64_t)http_server_refused_connections(instruments->sources.server);
}

static int64_t read_evicted_connections(void *context, uint32_t series)
{
	(void)series;
	const struct instruments *instruments = context;
	return instruments->sources.server == NULL ? 0 : (int64_t)http_server_evicted_connections(instruments->sources.server);
}

/* In the order of `lanes`. */
static const struct lane_use *use_of(const void *context, uint32_t lane)
{
	const struct service_status *status = &((const struct instruments *)context)->now.service;
	const struct lane_use *const uses[] = {&status->admission, &status->commit, &status->read, &status->catalog};
	static_assert(ARRAY_LENGTH(uses) == ARRAY_LENGTH(lanes), "each lane has a name");
	assert(lane < ARRAY_LENGTH(uses));
	return uses[lane];
}

/* A process does not tell of a lane that it has not. */
#define READ_LANE(field) \
	static int64_t read_lane_##field(void *context, uint32_t series) \
	{ \
		const struct lane_use *use = use_of(context, series); \
		return use->threads == 0 ? METRIC_ABSENT : (int64_t)use->field; \
	}
READ_LANE(waiting)
READ_LANE(capacity)
READ_LANE(threads)
READ_LANE(busy)

/* Counters show from their first use on. */
static int64_t read_lane_busy_us(void *context, uint32_t series)
{
	return (int64_t)(use_of(context, series)->busy_ns / 1000);
}

static int64_t read_lane_refused(void *context, uint32_t series)
{
	return (int64_t)use_of(context, series)->refused;
}

static int64_t read_worker(void *context, uint32_t series)
{
	const struct worker *worker = ((struct instruments *)context)->sources.workers[series];
	return worker == NULL ? 0 : (int64_t)(worker_busy_ns(worker) / 1000);
}

static int64_t read_loop(void *context, uint32_t series)
{
	const struct http_server *server = ((struct instruments *)context)->sources.server;
	return server == NULL || series >= http_server_loops(server) ? 0 : (int64_t)(http_server_loop_ns(server, series) / 1000);
}

static int64_t read_connections_max(void *context, uint32_t series)
{
	(void)series;
	const struct instruments *instruments = context;
	return instruments->sources.server == NULL ? 0 : http_server_connections_max(instruments->sources.server);
}

static int64_t read_event_seats(void *context, uint32_t series)
{
	const struct instruments_now *now = &((struct instruments *)context)->now;
	uint32_t event = series / SEAT_STATUSES;
	return event >= now->event_count ? METRIC_ABSENT : now->events[event].seats[series % SEAT_STATUSES];
}

static int64_t read_event_changes(void *context, uint32_t series)
{
	const struct instruments_now *now = &((struct instruments *)context)->now;
	return series >= now->event_count ? METRIC_ABSENT : (int64_t)now->events[series].changes;
}

#define READ_SALES(field) \
	static int64_t read_##field(void *context, uint32_t series) \
	{ \
		(void)series; \
		const struct instruments *instruments = context; \
		return instruments->now.knows_sales ? (int64_t)instruments->sources.sales->field : METRIC_ABSENT; \
	}
READ_SALES(refunds_due)
READ_SALES(overdue_ms)

/* Of none that was looked at nothing can be told. */
static int64_t read_oversold_events(void *context, uint32_t series)
{
	(void)series;
	const struct instruments *instruments = context;
	const struct sales_watch *sales = instruments->sources.sales;
	return instruments->now.knows_sales && sales->checked_events > 0 ? (int64_t)sales->oversold_events : METRIC_ABSENT;
}

static int64_t read_checked_events(void *context, uint32_t series)
{
	(void)series;
	const struct sales_watch *sales = ((struct instruments *)context)->sources.sales;
	return sales == NULL ? 0 : (int64_t)sales->checked_events;
}

static int64_t read_refunds_due_age_ms(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_now *now = &((struct instruments *)context)->now;
	return now->knows_sales ? (int64_t)now->refunds_due_age_ms : METRIC_ABSENT;
}

static int64_t read_disk(const void *context, bool is_size)
{
	const struct instruments *instruments = context;
	struct statvfs status;
	const char *path = instruments->sources.data_dir;
	if (path == NULL || statvfs(path, &status) != 0)
		return METRIC_ABSENT;
	return (int64_t)((is_size ? status.f_blocks : status.f_bavail) * status.f_frsize);
}

static int64_t read_disk_free(void *context, uint32_t series)
{
	(void)series;
	return read_disk(context, false);
}

static int64_t read_disk_size(void *context, uint32_t series)
{
	(void)series;
	return read_disk(context, true);
}

static int64_t read_admitted(void *context, uint32_t series)
{
	const struct service_status *status = &((struct instruments *)context)->now.service;
	return (int64_t)(series == 0 ? status->admitted_shared : status->admitted_alone);
}

#define READ_STATUS(field) \
	static int64_t read_##field(void *context, uint32_t series) \
	{ \
		(void)series; \
		return (int64_t)((struct instruments *)context)->now.service.field; \
	}
READ_STATUS(batches)
READ_STATUS(events)
READ_STATUS(stale)
READ_STATUS(conflicts)
READ_STATUS(inconsistent)
READ_STATUS(retries)
READ_STATUS(failures)
READ_STATUS(seating_chunks)
READ_STATUS(seating_seats)
READ_STATUS(seating_longest_ns)

static const struct seat_maps_status *maps_of(const void *context)
{
	return &((const struct instruments *)context)->now.maps;
}

static int64_t read_maps(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)maps_of(context)->maps;
}

static int64_t read_map_bytes(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)maps_of(context)->bytes;
}

static int64_t read_map_answers(void *context, uint32_t series)
{
	return (int64_t)(series == 0 ? maps_of(context)->from_memory : maps_of(context)->from_store);
}

static int64_t read_map_loads(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)maps_of(context)->loads;
}

static int64_t read_map_failures(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)maps_of(context)->failed_polls;
}

#define READ_PUBLISHER(field) \
	static int64_t read_publisher_##field(void *context, uint32_t series) \
	{ \
		(void)series; \
		const struct publisher *publisher = ((struct instruments *)context)->sources.publisher; \
		return publisher == NULL ? 0 : (int64_t)publisher_counters(publisher)->field; \
	}
READ_PUBLISHER(published)
READ_PUBLISHER(messages)
READ_PUBLISHER(under_way)
READ_PUBLISHER(reads)

static int64_t read_unroutable(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->unroutable == NULL ? 0 : (int64_t)sources->unroutable(sources->context);
}

static int64_t read_unreadable(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->publisher == NULL ? 0 : __builtin_popcount(publisher_counters(sources->publisher)->unreadable);
}

static int64_t read_expired(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->expirer == NULL ? 0 : (int64_t)expirer_counters(sources->expirer)->ended;
}

static int64_t read_clock_skew(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->clock_skew_ms == NULL ? 0 : sources->clock_skew_ms(sources->context);
}

#define READ_OUTBOX(field) \
	static int64_t read_outbox_##field(void *context, uint32_t series) \
	{ \
		(void)series; \
		const struct watched_outbox *outbox = &((struct instruments *)context)->now.outbox; \
		return outbox->is_known ? (int64_t)outbox->field : METRIC_ABSENT; \
	}
READ_OUTBOX(entries)
READ_OUTBOX(age_ms)
READ_OUTBOX(publishers)

/* The metrics that are read at a scrape. */
static const struct {
	bool is_counter;
	struct metric_options options;
} read_families[] = {
	{false,
         {.name = "tro_build_info",
          .help = "Always 1; the labels tell the version and the commit.",
          .labels = {{"version", versions, 1}, {"commit", commits, 1}},
          .read = read_build}},
	{false,
         {.name = "process_start_time_seconds",
          .help = "When the process started, in seconds since 1970.",
          .scale = 1e-3,
          .read = read_start}},
	{false, {.name = "process_resident_memory_bytes", .help = "Memory of the process.", .read = read_memory}},
	{true, {.name = "process_cpu_seconds_total", .help = "Processor time that the process has used.", .scale = 1e-6, .read = read_cpu}},
	{false, {.name = "process_threads", .help = "Threads of the process.", .read = read_threads}},
	{false, {.name = "process_open_fds", .help = "File descriptors that are open.", .read = read_descriptors}},
	{false, {.name = "process_max_fds", .help = "File descriptors that may be open.", .read = read_descriptors_max}},
	{true,
         {.name = "tro_log_lines_dropped_total",
          .help = "Log lines that were dropped because nobody read them, or because they could not be written.",
          .read = read_dropped_lines}},
	{true,
         {.name = "tro_trace_spans_total",
          .help = "Spans by outcome.",
          .labels = {{"outcome", span_outcomes, ARRAY_LENGTH(span_outcomes)}},
          .read = read_spans}},
	{false, {.name = "tro_trace_spans_waiting", .help = "Spans that wait to be sent.", .read = read_spans_waiting}},
	{false,
         {.name = "tro_catalog_connections",
          .help = "Connections of the pool to MongoDB that a call has just now.",
          .read = read_catalog_connections}},
	{false,
         {.name = "tro_catalog_connections_max",
          .help = "Connections that the pool to MongoDB may have.",
          .read = read_catalog_connections_max}},
	{false, {.name = "tro_http_connections", .help = "Open client connections.", .read = read_connections}},
	{true,
         {.name = "tro_http_connections_refused_total",
          .help = "Connections closed at once, because their address had as many as it may have.",
          .read = read_refused_connections}},
	{true,
         {.name = "tro_http_connections_evicted_total",
          .help = "Connections closed to make room for others.",
          .read = read_evicted_connections}},
	{false,
         {.name = "tro_queue_depth",
          .help = "Jobs waiting for a lane.",
          .labels = {{"lane", lanes, ARRAY_LENGTH(lanes)}},
          .read = read_lane_waiting}},
	{false,
         {.name = "tro_queue_capacity",
          .help = "Jobs that may wait for a lane; more are refused.",
          .labels = {{"lane", lanes, ARRAY_LENGTH(lanes)}},
          .read = read_lane_capacity}},
	{true,
         {.name = "tro_queue_refused_total",
          .help = "Jobs that found the queue of a lane full.",
          .labels = {{"lane", lanes, ARRAY_LENGTH(lanes)}},
          .read = read_lane_refused}},
	{false,
         {.name = "tro_lane_threads",
          .help = "Threads of a lane.",
          .labels = {{"lane", lanes, ARRAY_LENGTH(lanes)}},
          .read = read_lane_threads}},
	{false,
         {.name = "tro_lane_threads_busy",
          .help = "Threads of a lane that serve a batch; of the lane commit: batches in flight.",
          .labels = {{"lane", lanes, ARRAY_LENGTH(lanes)}},
          .read = read_lane_busy}},
	{true,
         {.name = "tro_lane_busy_seconds_total",
          .help = "Time that the threads of a lane have served.",
          .scale = 1e-6,
          .labels = {{"lane", lanes, ARRAY_LENGTH(lanes)}},
          .read = read_lane_busy_us}},
	{true,
         {.name = "tro_worker_busy_seconds_total",
          .help = "Time that the steps of a worker have taken.",
          .scale = 1e-6,
          .labels = {{"worker", workers, INSTRUMENTS_WORKER_COUNT}},
          .read = read_worker}},
	{true,
         {.name = "tro_http_loop_busy_seconds_total",
          .help = "Processor time of an event loop.",
          .scale = 1e-6,
          .labels = {{"loop", loops, ARRAY_LENGTH(loops)}},
          .read = read_loop}},
	{false, {.name = "tro_http_connections_max", .help = "Client connections that there may be.", .read = read_connections_max}},
	{false, {.name = "tro_refunds_due", .help = "Refunds that are due; counting stops at 100.", .read = read_refunds_due}},
	{false,
         {.name = "tro_refunds_due_age_seconds",
          .help = "Age of the oldest refund that is due; 0: none is.",
          .scale = 1e-3,
          .read = read_refunds_due_age_ms}},
	{false,
         {.name = "tro_expiry_overdue_seconds",
          .help = "How long ago the first deadline was of the holds and orders that nobody has ended.",
          .scale = 1e-3,
          .read = read_overdue_ms}},
	{false,
         {.name = "tro_oversold_events",
          .help = "Events whose confirmed orders have paid more than their sold seats cost.",
          .read = read_oversold_events}},
	{true,
         {.name = "tro_oversell_checks_total", .help = "Checks of an event for sales beyond its seats.", .read = read_checked_events}},
	{false, {.name = "tro_data_dir_free_bytes", .help = "Room on the disk of the embedded store.", .read = read_disk_free}},
	{false, {.name = "tro_data_dir_size_bytes", .help = "Size of the disk of the embedded store.", .read = read_disk_size}},
	{true,
         {.name = "tro_admission_judged_total",
          .help = "Requests judged for all processes together, or by this process's counts alone.",
          .labels = {{"scope", scopes, ARRAY_LENGTH(scopes)}},
          .read = read_admitted}},
	{true, {.name = "tro_commit_batches_total", .help = "Batches that were served.", .read = read_batches}},
	{true, {.name = "tro_commit_events_total", .help = "Domain events that were committed.", .read = read_events}},
	{true, {.name = "tro_commit_stale_total", .help = "Batches decided again because a version had moved.", .read = read_stale}},
	{true,
         {.name = "tro_commit_retries_total", .help = "Batches tried again after a conflict or an unknown outcome.", .read = read_retries}},
	{true,
         {.name = "tro_commit_conflicts_total",
          .help = "Commits repeated as they were, because another transaction was in the way.",
          .read = read_conflicts}},
	{true,
         {.name = "tro_inconsistent_total",
          .help = "Commands answered with 500 because their rows contradict each other or cannot be read.",
          .read = read_inconsistent}},
	{true, {.name = "tro_commit_failures_total", .help = "Batches answered with 503 or 500.", .read = read_failures}},
	{true,
         {.name = "tro_seating_seats_total",
          .help = "Seats of large events that were written before their sale.",
          .read = read_seating_seats}},
	{true, {.name = "tro_seating_chunks_total", .help = "Chunks in which they were written.", .read = read_seating_chunks}},
	{false,
         {.name = "tro_seating_chunk_longest_seconds",
          .help = "The longest that a chunk of the last large event kept others from writing.",
          .scale = 1e-9,
          .read = read_seating_longest_ns}},
	{false, {.name = "tro_outbox_entries", .help = "Outbox rows that wait to be published.", .read = read_outbox_entries}},
	{false, {.name = "tro_outbox_age_seconds", .help = "Age of the oldest outbox row.", .scale = 1e-3, .read = read_outbox_age_ms}},
	{false, {.name = "tro_publishers_alive", .help = "Publishers with a live lease in the store.", .read = read_outbox_publishers}},
	{true, {.name = "tro_published_events_total", .help = "Events that the bus has confirmed.", .read = read_publisher_published}},
	{true, {.name = "tro_published_messages_total", .help = "Messages that the bus has confirmed.", .read = read_publisher_messages}},
	{true, {.name = "tro_publisher_reads_total", .help = "Reads of the outbox that found something.", .read = read_publisher_reads}},
	{false, {.name = "tro_publisher_events_under_way", .help = "Events sent and not confirmed.", .read = read_publisher_under_way}},
	{true, {.name = "tro_unroutable_events_total", .help = "Published events that no queue was bound to.", .read = read_unroutable}},
	{false,
         {.name = "tro_outbox_unreadable_partitions",
          .help = "Partitions that stand still because an outbox row names an event that cannot be read.",
          .read = read_unreadable}},
	{true,
         {.name = "tro_expired_total", .help = "Holds and orders that had lapsed and that the worker has ended.", .read = read_expired}},
	{false, {.name = "tro_seat_maps", .help = "Events whose seat maps are in memory, or known not to fit.", .read = read_maps}},
	{false, {.name = "tro_seat_map_bytes", .help = "Memory of the seat maps and their pages.", .read = read_map_bytes}},
	{true,
         {.name = "tro_seat_map_answers_total",
          .help = "Seat maps and availabilities answered from memory, or from the store.",
          .labels = {{"from", map_sources, ARRAY_LENGTH(map_sources)}},
          .read = read_map_answers}},
	{true, {.name = "tro_seat_map_loads_total", .help = "Seat maps that were loaded from the store.", .read = read_map_loads}},
	{true,
         {.name = "tro_seat_map_failures_total", .help = "Times that the changes of seats could not be read.", .read = read_map_failures}},
	{false,
         {.name = "tro_clock_skew_seconds",
          .help = "The clock of this process less that of the store.",
          .scale = 1e-3,
          .read = read_clock_skew}},
};

/* Those whose labels are known at the start only. */
static enum error declare_events(struct instruments *instruments)
{
	const struct metric_label event = {"event", instruments->event_labels, SEAT_MAPS_EVENTS_MAX};
	const struct metric_options seats = {.name = "tro_event_seats",
	                                     .help = "Seats by state, of the events of which most seats changed of late.",
	                                     .labels = {event, {"state", states, SEAT_STATUSES}},
	                                     .read = read_event_seats,
	                                     .context = instruments};
	const struct metric_options changes = {
		.name = "tro_event_seat_changes_total",
		.help = "Changes of seats, of the same events, that this process has seen since it loaded their maps.",
		.labels = {event},
		.read = read_event_changes,
		.context = instruments};
	struct metric *metric;
	for (uint32_t i = 0; i < SEAT_MAPS_EVENTS_MAX; i++)
		instruments->event_labels[i] = instruments->event_ids[i];
	enum error error = metrics_gauge(instruments->metrics, &seats, &metric);
	return error == OK ? metrics_counter(instruments->metrics, &changes, &metric) : error;
}

enum error instruments_declare_read(struct instruments *instruments)
{
	enum error error = OK;
	for (size_t i = 0; error == OK && i < ARRAY_LENGTH(read_families); i++) {
		struct metric_options options = read_families[i].options;
		struct metric *metric;
		options.context = instruments;
		error = read_families[i].is_counter ? metrics_counter(instruments->metrics, &options, &metric)
		                                    : metrics_gauge(instruments->metrics, &options, &metric);
	}
	return error == OK ? declare_events(instruments) : error;
}

void instruments_ask(struct instruments *instruments)
{
	const struct instruments_sources *sources = &instruments->sources;
	struct instruments_now *now = &instruments->now;
	assert(sources->context != NULL);
	*now = (struct instruments_now){0};
	if (sources->service != NULL)
		service_status(sources->service, &now->service);
	if (sources->maps != NULL) {
		seat_maps_status(sources->maps, &now->maps);
		/* Numbers of before, beside those of processes that see the store, would be taken for the present. */
		now->event_count = seat_maps_are_fresh(sources->maps) ? seat_maps_events(sources->maps, now->events) : 0;
	}
	if (sources->outbox != NULL)
		sources->outbox(sources->context, &now->outbox);
	now->knows_sales = sources->sales != NULL && clock_monotonic_ns(sources->clock) < sources->sales->known_until_ns;
	if (now->knows_sales) {
		uint64_t oldest_ms = sources->sales->oldest_due_ms, now_ms = clock_now_ms(sources->clock);
		now->refunds_due_age_ms = oldest_ms == 0 || oldest_ms > now_ms ? 0 : now_ms - oldest_ms;
	}
	for (uint32_t i = 0; sources->sales != NULL && i < currency_count(); i++)
		if (sales_watch_has_currency(sources->sales, i))
			sales_metrics_show_currency(&instruments->sales, i);
	for (uint32_t i = 0; i < now->event_count; i++)
		uuid_format(&now->events[i].event_id, instruments->event_ids[i]);
}
