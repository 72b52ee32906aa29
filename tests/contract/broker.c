/* broker.c: lines to and from the control socket. */
#include "tests/contract/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RECEIVE_TRIES 100 /* of a tenth of a second */

const char *broker_url(void)
{
	return getenv("TRO_TEST_RABBIT");
}

static FILE *connect_to_control(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("TRO_TEST_RABBIT_CONTROL");
	assert_non_null(path);
	assert_true((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s", path) < sizeof address.sun_path);
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(descriptor >= 0);
	assert_int_equal(connect(descriptor, (const struct sockaddr *)(const void *)&address, sizeof address), 0);
	FILE *control = fdopen(descriptor, "r+");
	assert_non_null(control);
	return control;
}

void broker_tell(const char *format, ...)
{
	FILE *control = connect_to_control();
	char line[1024];
	va_list arguments;
	va_start(arguments, format);
	(void)vfprintf(control, format, arguments);
	va_end(arguments);
	(void)fputc('\n', control);
	assert_int_equal(fflush(control), 0);
	bool is_done = false;
	while (!is_done) {
		assert_non_null(fgets(line, sizeof line, control));
		is_done = strcmp(line, "ok\n") == 0 || strcmp(line, "failed\n") == 0;
		if (!is_done)
			print_message("broker: %s", line);
	}
	(void)fclose(control);
	assert_string_equal(line, "ok\n");
}

struct rabbitmq_consumer *broker_open(const char *queue, const char *pattern)
{
	char message[RABBITMQ_MESSAGE_MAX];
	struct rabbitmq_consumer *consumer;
	assert_int_equal(rabbitmq_consumer_open(broker_url(), NULL, queue, pattern, &consumer, message), OK);
	return consumer;
}

struct rabbitmq_consumer *broker_listen(const char *queue, const char *pattern)
{
	struct rabbitmq_delivery delivery;
	struct rabbitmq_consumer *consumer = broker_open(queue, pattern);
	enum consumer_result result = rabbitmq_consumer_next(consumer, 0, &delivery);
	if (result == CONSUMER_DOWN)
		fail_msg("%s", rabbitmq_consumer_problem(consumer));
	assert_int_equal(result, CONSUMER_NOTHING);
	return consumer;
}

struct rabbitmq_delivery broker_receive(struct rabbitmq_consumer *consumer)
{
	struct rabbitmq_delivery delivery = {0};
	enum consumer_result result = CONSUMER_NOTHING;
	for (int i = 0; i < RECEIVE_TRIES && result != CONSUMER_DELIVERY; i++) {
		result = rabbitmq_consumer_next(consumer, 100, &delivery);
		if (result == CONSUMER_DOWN)
			(void)usleep(100000);
	}
	assert_int_equal(result, CONSUMER_DELIVERY);
	rabbitmq_consumer_acknowledge(consumer, delivery.tag);
	return delivery;
}

void broker_leave(struct rabbitmq_consumer *consumer, const char *queue)
{
	rabbitmq_consumer_free(consumer);
	broker_tell("control delete_queue %s", queue);
}
