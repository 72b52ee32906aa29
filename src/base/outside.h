/* outside.h: tells whether a thread is inside a call of something outside the process: a database, a disk, another machine.
 *
 * A thread that watches another cannot know otherwise whether the thread hangs or what it waits for does. The thread says which record is
 * its own; the
 * adapters count their calls in it, and know no threads. The record is thread-local because a parameter for it would go through every
 * port. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outside {
	_Atomic bool is_there;   /* in a call now */
	_Atomic uint64_t visits; /* calls begun */
};

/* Records this thread's calls; NULL, as at first: nobody records them. */
extern _Thread_local struct outside *outside_of_thread;

static inline void outside_begin(void)
{
	struct outside *outside = outside_of_thread;
	if (outside == NULL)
		return;
	uint64_t visits = atomic_load_explicit(&outside->visits, memory_order_relaxed);
	atomic_store_explicit(&outside->visits, visits + 1, memory_order_relaxed); /* no other thread writes */
	atomic_store_explicit(&outside->is_there, true, memory_order_relaxed);
}

static inline void outside_end(void)
{
	struct outside *outside = outside_of_thread;
	if (outside != NULL)
		atomic_store_explicit(&outside->is_there, false, memory_order_relaxed);
}
