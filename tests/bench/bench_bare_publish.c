/* bench_bare_publish.c: how many messages a second a loop that does nothing else gets confirmed: one message as the publisher sends it,
 * made once and sent over and over on one channel, with a window as large as the publisher's. The publisher is compared with it.
 *
 *   bench_bare_publish URL SECONDS [DATA_BYTES]      prints the rate */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/rabbitmq/confirms.h"
#include "adapters/rabbitmq/message.h"
#include "adapters/rabbitmq/session.h"
#include "base/now.h"
#include "tests/support/measure.h"

#define WINDOW 4096
#define LOOK_EVERY 64 /* messages, so that confirms are taken as they come */
#define DATA_BYTES 330
#define DATA_BYTES_MAX 4096
#define CONNECT_NS UINT64_C(5000000000)
#define SILENCE_NS UINT64_C(30000000000)

static struct confirms confirms;
static uint64_t confirmed;

static bool prepare(struct session *session, uint64_t deadline_ns)
{
	if (!session_declare_exchange(session, RABBITMQ_EXCHANGE, deadline_ns))
		return false;
	session_limit(session, deadline_ns);
	(void)amqp_confirm_select(session->handle, SESSION_CHANNEL);
	return session_check(session, "does not confirm messages");
}

/* Takes the confirms that are there; waits for one when `waits`. */
static void collect(struct session *session, bool waits)
{
	amqp_frame_t frame;
	enum session_result result = session_wait(session, waits ? monotonic_now_ns() + SILENCE_NS : 0, &frame);
	must(result != SESSION_LOST && !(waits && result == SESSION_NOTHING), session->problem);
	for (; result == SESSION_FRAME; result = session_wait(session, 0, &frame)) {
		if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
			continue;
		const amqp_basic_ack_t *ack = frame.payload.method.decoded;
		confirmed += confirms_settle(&confirms, ack->delivery_tag, ack->multiple != 0, false);
	}
	session_recycle(session);
}

static double measure(struct session *session, const struct message *message, double seconds)
{
	double began = seconds_now();
	for (uint64_t sent = 0; seconds_now() - began < seconds; sent++) {
		must(amqp_basic_publish(session->handle, SESSION_CHANNEL, amqp_cstring_bytes(RABBITMQ_EXCHANGE), message->routing_key, 1, 0,
		                        &message->properties, message->body) == AMQP_STATUS_OK,
		     "the broker is gone");
		confirms_add(&confirms);
		if (sent % LOOK_EVERY == 0)
			collect(session, false);
		while (confirms_count(&confirms) >= WINDOW)
			collect(session, true);
	}
	return (double)confirmed / (seconds_now() - began);
}

int main(int argc, char **argv)
{
	char problem[RABBITMQ_MESSAGE_MAX];
	struct session session;
	struct buffer body;
	must(argc == 3 || argc == 4, "usage: bench_bare_publish URL SECONDS [DATA_BYTES]");
	unsigned long bytes = argc == 4 ? strtoul(argv[3], NULL, 10) : DATA_BYTES;
	must(bytes >= 16 && bytes < DATA_BYTES_MAX, "the data has 16 to 4095 bytes");
	char data[DATA_BYTES_MAX];
	(void)snprintf(data, sizeof data, "{\"data\":\"%0*d\"}", (int)bytes - 11, 0);
	const struct event_record record = {
		.id = uuid_v7(1, 1, 1),
		.type = EVENT_HOLD_CREATED,
		.stream_id = uuid_v7(1, 1, 2),
		.sequence = 1,
		.occurred_at_ms = 1700000000000,
		.trace = {.trace_id = {1}, .span_id = {1}},
		.data = slice_of(data),
	};
	struct message message;
	buffer_init(&body, NULL, 1 << 20);
	must(message_write(&message, &body, &record), "out of memory");
	must(session_init(argv[1], NULL, &session, problem) == OK, problem);
	session.prepare = prepare;
	confirms_reset(&confirms);
	must(session_connect(&session, monotonic_now_ns() + CONNECT_NS), session.problem);
	(void)printf("%.0f\n", measure(&session, &message, strtod(argv[2], NULL)));
	session_release(&session);
	buffer_release(&body);
	return 0;
}
