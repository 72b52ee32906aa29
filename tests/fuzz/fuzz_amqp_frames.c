/* fuzz_amqp_frames.c: any bytes as what a broker sends on a connection that stands: each frame is taken or ends the connection, with a problem of one
 * line. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/rabbitmq/session.h"
#include "base/now.h"

#define BYTES_MAX ((size_t)65536) /* fit into the socket */
#define FRAMES_MAX 1000
#define WAIT_NS 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All of it has come, and nothing more will; *ret_peer is the other end. */
static amqp_connection_state_t make_connection(const uint8_t *data, size_t size, int *ret_peer)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || (size > 0 && write(ends[1], data, size) != (ssize_t)size))
		abort();
	(void)shutdown(ends[1], SHUT_WR);
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	amqp_connection_state_t handle = amqp_new_connection();
	amqp_socket_t *socket = handle == NULL ? NULL : amqp_tcp_socket_new(handle);
	if (socket == NULL)
		abort();
	amqp_tcp_socket_set_sockfd(socket, ends[0]);
	*ret_peer = ends[1];
	return handle;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session session;
	char message[RABBITMQ_MESSAGE_MAX];
	int peer;
	if (size > BYTES_MAX)
		return 0;
	if (session.url == NULL && session_init("amqp://127.0.0.1:1", NULL, &session, message) != OK)
		abort();
	session.handle = make_connection(data, size, &peer);
	session.is_blocked = false;
	for (uint32_t i = 0; i < FRAMES_MAX && session.handle != NULL; i++) {
		amqp_frame_t frame;
		enum session_result result = session_wait(&session, monotonic_now_ns() + WAIT_NS, &frame);
		assert((result == SESSION_LOST) == (session.handle == NULL));
		if (result == SESSION_NOTHING && !session.is_blocked && session.problem[0] == '\0')
			break;
		if (session.handle != NULL)
			session_recycle(&session);
	}
	assert(strpbrk(session.problem, "\r\n") == NULL);
	amqp_destroy_connection(session.handle);
	session.handle = NULL;
	session.problem[0] = '\0';
	(void)close(peer);
	return 0;
}
