/* test_resume.c: what of a batch that comes again is sent again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "adapters/rabbitmq/resume.h"

/* A bus without a broker. */
struct channel {
	struct confirms confirms;
	struct resume resume;
};

static struct channel *connect(void)
{
	static struct channel channel;
	channel = (struct channel){0};
	confirms_reset(&channel.confirms);
	return &channel;
}

static void reconnect(struct channel *channel)
{
	resume_reconnect(&channel->resume, &channel->confirms);
	confirms_reset(&channel->confirms);
}

/* Publishes the event if it has to be sent. */
static bool send(struct channel *channel, uint32_t number)
{
	struct uuid id = uuid_v7(number, 1, 1);
	if (resume_has(&channel->resume, &id))
		return false;
	if (confirms_count(&channel->confirms) == CONFIRMS_MAX)
		(void)confirms_settle(&channel->confirms, 0, true);
	resume_add(&channel->resume, &id, channel->confirms.next);
	confirms_add(&channel->confirms);
	return true;
}

/* Publishes events `first` to `last`, of which only so many are sent in the time. Answers which was sent first; 0: none. */
static uint32_t publish(struct channel *channel, uint32_t first, uint32_t last, uint32_t sent_max)
{
	uint32_t sent = 0, first_sent = 0;
	resume_begin(&channel->resume);
	for (uint32_t i = first; i <= last && sent < sent_max; i++) {
		if (!send(channel, i))
			continue;
		first_sent = sent++ == 0 ? i : first_sent;
	}
	return first_sent;
}

static void what_is_under_way_is_not_sent_again(void **state)
{
	(void)state;
	struct channel *channel = connect();
	assert_int_equal(publish(channel, 1, 10, 4), 1);
	assert_int_equal(publish(channel, 1, 10, 3), 5);
	assert_int_equal(publish(channel, 1, 20, 100), 8);
	assert_int_equal(confirms_count(&channel->confirms), 20);
	(void)confirms_settle(&channel->confirms, 0, true);
	resume_finish(&channel->resume);
	assert_int_equal(publish(channel, 1, 20, 100), 1); /* it was whole: now it is asked for anew */
}

static void after_a_reconnect_what_was_not_confirmed_is_sent_again(void **state)
{
	(void)state;
	struct channel *channel = connect();
	assert_int_equal(publish(channel, 1, 10, 6), 1);
	(void)confirms_settle(&channel->confirms, 3, true);
	(void)confirms_settle(&channel->confirms, 5, false);
	reconnect(channel);
	assert_int_equal(publish(channel, 1, 10, 4), 4);
	(void)confirms_settle(&channel->confirms, 2, true);
	reconnect(channel);
	reconnect(channel); /* tried, and failed */
	assert_int_equal(publish(channel, 1, 10, 100), 6);
	assert_int_equal(confirms_count(&channel->confirms), 5);
}

static void what_is_refused_is_sent_again_with_all_behind_it(void **state)
{
	(void)state;
	struct channel *channel = connect();
	assert_int_equal(publish(channel, 1, 10, 100), 1);
	resume_refuse(&channel->resume, 7);
	resume_refuse(&channel->resume, 4);
	resume_refuse(&channel->resume, 9);
	(void)confirms_settle(&channel->confirms, 0, true);
	assert_int_equal(publish(channel, 1, 10, 100), 4);
	resume_refuse(&channel->resume, 11); /* event 4 again */
	(void)confirms_settle(&channel->confirms, 0, true);
	assert_int_equal(publish(channel, 1, 10, 2), 4);
	resume_refuse(&channel->resume, 19); /* event 5 */
	reconnect(channel);
	assert_int_equal(publish(channel, 1, 10, 100), 4); /* nothing was confirmed of the last two */
}

static void what_is_under_way_is_not_sent_again_in_another_batch(void **state)
{
	(void)state;
	struct channel *channel = connect();
	assert_int_equal(publish(channel, 10, 15, 100), 10);
	assert_int_equal(publish(channel, 1, 15, 100), 1); /* others were committed late, with earlier ids */
	assert_int_equal(confirms_count(&channel->confirms), 15);
	assert_int_equal(publish(channel, 3, 12, 100), 0); /* somebody else has taken some over */
	assert_int_equal(publish(channel, 12, 20, 100), 16);
	(void)confirms_settle(&channel->confirms, 6, true); /* 10 to 15 */
	reconnect(channel);
	assert_int_equal(publish(channel, 10, 20, 100), 16);
	assert_int_equal(publish(channel, 1, 20, 100), 1);
	assert_int_equal(confirms_count(&channel->confirms), 14); /* 1 to 9 and 16 to 20 */
}

static void what_is_finished_is_forgotten(void **state)
{
	(void)state;
	struct channel *channel = connect();
	assert_int_equal(publish(channel, 1, 10, 100), 1);
	(void)confirms_settle(&channel->confirms, 0, true);
	assert_int_equal(publish(channel, 1, 10, 100), 0);
	resume_finish(&channel->resume);
	assert_int_equal(publish(channel, 5, 10, 100), 5);
}

static void of_a_batch_beyond_the_limit_the_rest_is_sent_again(void **state)
{
	(void)state;
	struct channel *channel = connect();
	assert_int_equal(publish(channel, 1, RESUME_MAX + 50, UINT32_MAX), 1);
	assert_int_equal(publish(channel, 1, RESUME_MAX + 50, 10), RESUME_MAX + 1);
	assert_int_equal(publish(channel, 1, RESUME_MAX + 50, 10), RESUME_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_under_way_is_not_sent_again),
		cmocka_unit_test(after_a_reconnect_what_was_not_confirmed_is_sent_again),
		cmocka_unit_test(what_is_refused_is_sent_again_with_all_behind_it),
		cmocka_unit_test(what_is_under_way_is_not_sent_again_in_another_batch),
		cmocka_unit_test(what_is_finished_is_forgotten),
		cmocka_unit_test(of_a_batch_beyond_the_limit_the_rest_is_sent_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
