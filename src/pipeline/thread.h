/* thread: starts a thread as every thread of the pipeline is started: named, and leaving all signals to the main thread. */
#pragma once

#include <pthread.h>

#include "base/attributes.h"
#include "base/error.h"

#define THREAD_NAME_LENGTH_MAX 15

/* name: shown by tools such as top. ERR_SYSTEM: *ret_thread is untouched. The caller joins it. */
must_check enum error thread_start(const char *name, void *(*run)(void *context), void *context, pthread_t *ret_thread);
