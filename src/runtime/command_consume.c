/* command_consume.c: `tro consume`: shows what comes out of RabbitMQ, and whether it is whole and in order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/rabbitmq/consumer.h"
#include "adapters/system/system.h"
#include "app/event_batch.h"
#include "app/sighting.h"
#include "base/decimal.h"
#include "base/json_writer.h"
#include "base/now.h"
#include "base/time.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/process.h"
#include "runtime/terminal.h"
#include "runtime/tracing.h"

#define WAIT_MS 100
#define SETTLE_EVERY 512 /* messages that are acknowledged together, when so many come at once */
#define OUTPUT_BYTES (256 * 1024)
#define LINE_BYTES_MAX (32 * 1024 * 1024)

struct consume {
	struct rabbitmq_consumer *consumer;
	struct sequences *sequences;
	struct tracing *tracing; /* NULL: no spans are made */
	const char *queue;
	const char *pattern; /* of types, for the events of a batch */
	bool is_json;
	uint64_t count_max;  /* 0: no end */
	uint64_t timeout_ms; /* 0: none */
	struct buffer line;
	bool has_connected;
	bool is_down;
	uint64_t unsettled; /* printed and not acknowledged */
	uint64_t last_tag;
	uint64_t quiet_since_ms;
	uint64_t events, repeats, gaps, late;
};

static void write_json(struct buffer *line, const struct rabbitmq_delivery *delivery, const struct sighting *sighting)
{
	struct json_writer writer = json_writer_on(line);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "message_id", delivery->message_id);
	json_writer_string(&writer, "type", delivery->type);
	json_writer_string(&writer, "exchange", delivery->exchange);
	json_writer_string(&writer, "routing_key", delivery->routing_key);
	json_writer_string(&writer, "content_type", delivery->content_type);
	json_writer_bool(&writer, "redelivered", delivery->is_redelivered);
	if (sighting->is_event) {
		json_writer_uuid(&writer, "stream", &sighting->stream);
		json_writer_uint(&writer, "sequence", sighting->sequence);
		json_writer_bool(&writer, "repeat", sighting->finding == SEQUENCE_REPEAT);
		json_writer_bool(&writer, "gap", sighting->finding == SEQUENCE_GAP);
		json_writer_bool(&writer, "late", sighting->finding == SEQUENCE_LATE);
		json_writer_uint(&writer, "missing", sighting->missing);
		json_writer_raw(&writer, "event", sighting->event);
	} else {
		json_writer_string(&writer, "body", delivery->body);
	}
	json_writer_object_end(&writer);
}

/* Writes a text from a message, without bytes that a terminal would obey. */
static void write_safely(struct buffer *line, struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		bool is_plain = (unsigned char)text.data[i] >= ' ' && (unsigned char)text.data[i] < 0x7f;
		buffer_append_byte(line, is_plain ? text.data[i] : '?');
	}
}

static void write_text(struct buffer *line, const struct rabbitmq_delivery *delivery, const struct sighting *sighting)
{
	char stream[UUID_TEXT_LENGTH + 1];
	if (sighting->is_event) {
		uuid_format(&sighting->stream, stream);
		write_safely(line, sighting->time);
		buffer_append_format(line, "  %s #%-3u ", stream, sighting->sequence);
	}
	write_safely(line, delivery->routing_key);
	buffer_append_string(line, "  ");
	write_safely(line, delivery->message_id);
	if (delivery->is_redelivered)
		buffer_append_string(line, "  redelivered");
	if (!sighting->is_event)
		buffer_append_format(line, "  not an event of TRO, %zu bytes", delivery->body.length);
}

/* For people; in JSON the line itself says it. */
static void tell_finding(const struct sighting *sighting)
{
	char stream[UUID_TEXT_LENGTH + 1];
	uuid_format(&sighting->stream, stream);
	if (sighting->finding == SEQUENCE_REPEAT)
		fprintf(stderr, "repeat: #%u of %s has come before\n", sighting->sequence, stream);
	else if (sighting->finding == SEQUENCE_GAP)
		fprintf(stderr, "gap: %u missing before #%u of %s\n", sighting->missing, sighting->sequence, stream);
	else if (sighting->finding == SEQUENCE_LATE)
		fprintf(stderr, "late: #%u of %s comes after those behind it\n", sighting->sequence, stream);
}

/* False: it cannot be printed. */
static bool show(struct consume *consume, const struct rabbitmq_delivery *delivery)
{
	struct sighting sighting = sighting_of(consume->sequences, delivery->body);
	consume->repeats += sighting.finding == SEQUENCE_REPEAT;
	consume->gaps += sighting.finding == SEQUENCE_GAP;
	consume->late += sighting.finding == SEQUENCE_LATE;
	struct buffer *line = &consume->line;
	buffer_clear(line);
	if (consume->is_json)
		write_json(line, delivery, &sighting);
	else
		write_text(line, delivery, &sighting);
	buffer_append_byte(line, '\n');
	if (!consume->is_json && sighting.is_event)
		tell_finding(&sighting);
	consume->events++;
	return !line->failed && fwrite(line->data, 1, line->length, stdout) == line->length;
}

static bool show_traced(struct consume *consume, const struct rabbitmq_delivery *delivery)
{
	uint64_t began_ns = monotonic_now_ns();
	bool is_printed = show(consume, delivery);
	const struct tracing_message message = {
		.traceparent = delivery->traceparent,
		.tracestate = delivery->tracestate,
		.tag = delivery->tag,
		.id = delivery->message_id,
		.exchange = delivery->exchange,
		.routing_key = delivery->routing_key,
		.queue = consume->queue,
	};
	tracing_consumed(consume->tracing, &message, began_ns, monotonic_now_ns());
	return is_printed;
}

static bool show_event(struct consume *consume, const struct rabbitmq_delivery *delivery)
{
	return consume->tracing == NULL ? show(consume, delivery) : show_traced(consume, delivery);
}

static bool has_enough(const struct consume *consume)
{
	return consume->count_max > 0 && consume->events == consume->count_max;
}

/* The events of a batch that are wanted, each as if it had come alone. A batch of which some are not printed stays in the queue. */
static bool show_batch(struct consume *consume, const struct rabbitmq_delivery *delivery, struct event_batch *batch)
{
	struct batched_event event;
	while (event_batch_next(batch, &event)) {
		if (!topic_matches(slice_of(consume->pattern), event.type))
			continue;
		if (has_enough(consume))
			return true;
		struct rabbitmq_delivery alone = *delivery;
		alone.body = event.body;
		alone.message_id = event.id;
		alone.type = event.type;
		alone.traceparent = event.traceparent;
		alone.tracestate = event.tracestate;
		if (!show_event(consume, &alone))
			return false;
	}
	consume->unsettled++;
	consume->last_tag = delivery->tag;
	return true;
}

/* False: it cannot be printed. */
static bool show_message(struct consume *consume, const struct rabbitmq_delivery *delivery)
{
	struct event_batch batch;
	if (slice_equal_string(delivery->content_type, EVENT_BATCH_CONTENT_TYPE) && event_batch_open(delivery->body, &batch))
		return show_batch(consume, delivery, &batch);
	consume->unsettled++;
	consume->last_tag = delivery->tag;
	return show_event(consume, delivery);
}

/* Only what has been printed leaves the queue. */
static bool settle(struct consume *consume)
{
	if (fflush(stdout) != 0)
		return false;
	if (consume->unsettled > 0)
		rabbitmq_consumer_acknowledge(consume->consumer, consume->last_tag);
	consume->unsettled = 0;
	return true;
}

/* Says what has changed. */
static void tell_connection(struct consume *consume, bool is_up)
{
	if (is_up && !consume->has_connected)
		fprintf(stderr, "waiting for events in the queue '%s'\n", consume->queue);
	else if (is_up && consume->is_down)
		fprintf(stderr, "connected again\n");
	else if (!is_up && !consume->is_down)
		fprintf(stderr, "%s; trying again\n", rabbitmq_consumer_problem(consume->consumer));
	consume->has_connected |= is_up;
	consume->is_down = !is_up;
}

static bool is_over(const struct consume *consume)
{
	bool is_quiet = consume->timeout_ms > 0 && monotonic_now_ms() - consume->quiet_since_ms >= consume->timeout_ms;
	return is_quiet || process_is_told_to_stop();
}

/* One message, or a wait for it. False: no more of it. */
static bool step(struct consume *consume, int *code)
{
	struct rabbitmq_delivery delivery;
	bool is_waiting = consume->has_connected && consume->unsettled == 0;
	enum consumer_result result = rabbitmq_consumer_next(consume->consumer, is_waiting ? WAIT_MS : 0, &delivery);
	if (result == CONSUMER_DOWN && !consume->has_connected) {
		*code = complain("%s", rabbitmq_consumer_problem(consume->consumer));
		return false;
	}
	tell_connection(consume, result != CONSUMER_DOWN);
	bool is_printed = true, is_enough = false;
	if (result == CONSUMER_DELIVERY) {
		is_printed = show_message(consume, &delivery);
		is_enough = has_enough(consume);
		if (is_printed && (is_enough || consume->unsettled == SETTLE_EVERY || process_is_told_to_stop()))
			is_printed = settle(consume);
		consume->quiet_since_ms = monotonic_now_ms();
	} else if (result == CONSUMER_NOTHING) {
		is_printed = settle(consume);
	} else {
		consume->unsettled = 0; /* they will come again */
		is_printed = fflush(stdout) == 0;
		pause_ms(WAIT_MS);
	}
	if (!is_printed)
		*code = complain("the output cannot be written: %s", strerror(errno));
	return is_printed && !is_enough && !(consume->unsettled == 0 && is_over(consume));
}

static int consume_all(struct consume *consume)
{
	int code = EXIT_DONE;
	consume->quiet_since_ms = monotonic_now_ms();
	while (step(consume, &code))
		;
	if (!consume->has_connected)
		return code;
	fprintf(stderr, "%llu events, %llu repeats, %llu gaps, %llu late\n", (unsigned long long)consume->events,
	        (unsigned long long)consume->repeats, (unsigned long long)consume->gaps, (unsigned long long)consume->late);
	bool is_whole = consume->gaps == 0 && consume->late == 0 && consume->events >= consume->count_max;
	return is_whole ? code : EXIT_FAILED;
}

static int consume_opened(struct consume *consume, bool is_complete)
{
	consume->sequences =
		sequences_new((struct hash_seed){.k0 = random_u64(system_random()), .k1 = random_u64(system_random())}, is_complete);
	buffer_init(&consume->line, NULL, LINE_BYTES_MAX);
	(void)setvbuf(stdout, NULL, _IOFBF, OUTPUT_BYTES);
	int code = consume->sequences == NULL ? complain("out of memory") : consume_all(consume);
	buffer_release(&consume->line);
	sequences_free(consume->sequences);
	return code;
}

static int consume_from(const struct invocation *invocation, struct consume *consume, bool is_complete)
{
	char message[RABBITMQ_MESSAGE_MAX];
	const char *url = invocation->config->systems.rabbit_url;
	const struct config_tls *files = &invocation->config->systems.rabbit_tls;
	const struct tls_client_files tls = {.authorities = files->authorities, .certificate = files->certificate, .key = files->key};
	if (rabbitmq_consumer_open(url, &tls, consume->queue, consume->pattern, &consume->consumer, message) != OK)
		return complain("%s", message);
	process_hold_signals(false); /* before there is another thread, which would be ended by them */
	bool is_ready = tracing_new(invocation->config, 0, system_random(), NULL, &consume->tracing);
	int code = is_ready ? consume_opened(consume, is_complete) : EXIT_FAILED;
	rabbitmq_consumer_free(consume->consumer);
	tracing_free(consume->tracing);
	return code;
}

int run_consume(const struct invocation *invocation)
{
	const char *queue = NULL, *pattern = "#", *count = NULL, *timeout = NULL;
	bool is_json = false, is_complete = false;
	const struct flag flags[] = {
		{.name = "--queue", .value = &queue},     {.name = "--bind", .value = &pattern},
		{.name = "--json", .is_given = &is_json}, {.name = "--complete", .is_given = &is_complete},
		{.name = "--count", .value = &count},     {.name = "--timeout", .value = &timeout},
	};
	struct consume consume = {0};
	int code = flags_read("consume", invocation, flags, ARRAY_LENGTH(flags), NULL, 0);
	if (code != EXIT_DONE)
		return code;
	if (queue == NULL || *queue == '\0')
		return complain_usage("consume", "--queue is required");
	if (count != NULL && (!decimal_parse(slice_of(count), UINT64_MAX, &consume.count_max) || consume.count_max == 0))
		return complain_usage("consume", "--count '%s' is not a number from 1 on", count);
	if (timeout != NULL && (!duration_parse(slice_of(timeout), &consume.timeout_ms) || consume.timeout_ms == 0))
		return complain_usage("consume", "--timeout '%s' is not a duration such as 10s", timeout);
	if (invocation->config->systems.rabbit_url == NULL)
		return complain("RABBIT_URL is required, such as amqp://user:password@localhost:5672");
	consume.queue = queue;
	consume.pattern = pattern;
	consume.is_json = is_json;
	return consume_from(invocation, &consume, is_complete);
}
