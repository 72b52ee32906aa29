/* thread.c: pthread_create with a name and with all signals blocked. */
#include "pipeline/thread.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

enum error thread_start(const char *name, void *(*run)(void *context), void *context, pthread_t *ret_thread)
{
	assert(name != NULL && strlen(name) <= THREAD_NAME_LENGTH_MAX);
	assert(run != NULL && ret_thread != NULL);

	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return ERR_SYSTEM;
	pthread_t thread;
	int failure = pthread_create(&thread, NULL, run, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure != 0)
		return ERR_SYSTEM;
	pthread_setname_np(thread, name);
	*ret_thread = thread;
	return OK;
}
