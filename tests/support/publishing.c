/* publishing.c: send, collect, send the rest. */
#include "tests/support/publishing.h"

#include "base/now.h"

static enum bus_result step(struct sending *sending, struct bus *bus, const struct event_record *const *records, uint32_t count,
                            uint64_t left_ms)
{
	uint32_t sent = 0;
	enum bus_result result = BUS_OK;
	if (sending->sent < count) {
		result = bus->operations->send(bus, &records[sending->sent], count - sending->sent, left_ms, &sent);
		sending->sent += sent;
	}
	if (result != BUS_DOWN && (result == BUS_PENDING || sending->sent == count))
		result = bus->operations->collect(bus, left_ms);
	if (result == BUS_DOWN)
		sending->sent = (uint32_t)(bus->confirmed - sending->before);
	return result;
}

enum bus_result sending_go_on(struct sending *sending, struct bus *bus, const struct event_record *const *records, uint32_t count,
                              uint64_t timeout_ms)
{
	uint64_t deadline_ms = monotonic_now_ms() + timeout_ms;
	if (sending->sent == 0)
		sending->before = bus->confirmed;
	for (;;) {
		uint64_t now_ms = monotonic_now_ms();
		enum bus_result result = step(sending, bus, records, count, now_ms < deadline_ms ? deadline_ms - now_ms : 0);
		if (result == BUS_DOWN || (result == BUS_OK && sending->sent == count))
			return result;
		if (monotonic_now_ms() >= deadline_ms)
			return BUS_PENDING;
	}
}
