/* measure.h: shared by the measurements in tests/bench: the clock, the processor's time, and an end when something is wrong. */
#pragma once

#include <stdbool.h>

/* Unless it is right: says what is not, behind the program's name, and ends the program with 1. */
void must(bool is_right, const char *what);
/* Of a clock that never goes back, from some moment on. */
double seconds_now(void);
/* The processor time that all threads of this process have used. */
double cpu_seconds(void);
