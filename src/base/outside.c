/* outside.c: the pointer of each thread. */
#include "base/outside.h"

_Thread_local struct outside *outside_of_thread;
