/* thread.c: pthread_create with a name and with all signals blocked. */
#include "pipeline/thread.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct beginning {
	void *(*run)(void *context);
	void *context;
	char name[THREAD_NAME_LENGTH_MAX + 1];
};

/* A thread names itself: to name another one, it would have to write to /proc. */
static void *begin(void *argument)
{
	struct beginning beginning = *(struct beginning *)argument;
	assert(beginning.run != NULL);
	free(argument);
	pthread_setname_np(pthread_self(), beginning.name);
	return beginning.run(beginning.context);
}

enum error thread_start(const char *name, void *(*run)(void *context), void *context, pthread_t *ret_thread)
{
	assert(name != NULL && strlen(name) <= THREAD_NAME_LENGTH_MAX);
	assert(run != NULL && ret_thread != NULL);

	struct beginning *beginning = malloc(sizeof *beginning);
	if (beginning == NULL)
		return ERR_SYSTEM;
	*beginning = (struct beginning){.run = run, .context = context};
	memcpy(beginning->name, name, strlen(name));
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_t thread;
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&thread, NULL, begin, beginning);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure != 0) {
		free(beginning);
		return ERR_SYSTEM;
	}
	*ret_thread = thread;
	return OK;
}
