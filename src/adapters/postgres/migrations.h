/* migrations.h: what sessions ask of the migrations. Private to the PostgreSQL adapter. */
#pragma once

#include <stdint.h>

/* The number of the last migration that the program has. */
int64_t migrations_latest(void);
