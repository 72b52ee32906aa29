/* bus.c: a list of subscribers behind a mutex. */
#include "adapters/local/bus.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct local_bus {
	struct bus base;
	pthread_mutex_t lock; /* guards subscribers, and is held while they receive */
	struct list subscribers;
};

static struct local_bus *self_of(struct bus *bus)
{
	assert(bus != NULL);
	return container_of(bus, struct local_bus, base);
}

static enum bus_result local_send(struct bus *bus, const struct event_record *const *records, uint32_t count, uint64_t timeout_ms,
                                  uint32_t *ret_sent)
{
	assert(records != NULL || count == 0);
	assert(ret_sent != NULL);
	(void)timeout_ms; /* nobody is waited for */
	struct local_bus *self = self_of(bus);
	pthread_mutex_lock(&self->lock);
	for (uint32_t i = 0; i < count; i++) {
		list_for_each(node, &self->subscribers) {
			const struct local_subscriber *subscriber = container_of(node, struct local_subscriber, node);
			subscriber->receive(subscriber->context, records[i]);
		}
	}
	pthread_mutex_unlock(&self->lock);
	bus->confirmed += count;
	bus->messages += count;
	*ret_sent = count;
	return BUS_OK;
}

static enum bus_result local_collect(struct bus *bus, uint64_t timeout_ms)
{
	assert(bus != NULL);
	(void)bus;
	(void)timeout_ms;
	return BUS_OK;
}

static void local_free(struct bus *bus)
{
	assert(bus != NULL);
	struct local_bus *self = self_of(bus);
	assert(list_is_empty(&self->subscribers));
	pthread_mutex_destroy(&self->lock);
	free(self);
}

static const struct bus_operations local_operations = {
	.send = local_send,
	.collect = local_collect,
	.free = local_free,
};

enum error local_bus_new(struct bus **ret_bus)
{
	assert(ret_bus != NULL);

	struct local_bus *self = calloc(1, sizeof *self);
	if (self == NULL)
		return ERR_NO_MEMORY;
	self->base.operations = &local_operations;
	pthread_mutex_init(&self->lock, NULL);
	list_init(&self->subscribers);
	*ret_bus = &self->base;
	return OK;
}

void local_bus_subscribe(struct bus *bus, struct local_subscriber *subscriber)
{
	assert(bus != NULL);
	assert(subscriber != NULL && subscriber->receive != NULL);

	struct local_bus *self = self_of(bus);
	pthread_mutex_lock(&self->lock);
	list_push(&self->subscribers, &subscriber->node);
	pthread_mutex_unlock(&self->lock);
}

void local_bus_unsubscribe(struct bus *bus, struct local_subscriber *subscriber)
{
	assert(bus != NULL);
	assert(subscriber != NULL);

	struct local_bus *self = self_of(bus);
	pthread_mutex_lock(&self->lock);
	list_remove(&subscriber->node);
	pthread_mutex_unlock(&self->lock);
}
