/* fuzz_config.c: any text as the value of any key: NAME=value. Taken or refused, it is shown on one line. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *variable = malloc(size + 1);
	if (variable == NULL)
		abort();
	if (size > 0)
		memcpy(variable, data, size);
	variable[size] = '\0';

	struct arena arena;
	struct config config;
	const char *message;
	char program[] = "tro";
	char *argv[] = {program, NULL};
	char *environment[] = {variable, NULL};
	int argc = 1;
	arena_init(&arena, 4096, (size_t)16 << 20);
	if (config_load(&argc, argv, environment, NULL, &arena, &config, &message) == CONFIG_OK) {
		struct buffer text;
		buffer_init(&text, &arena, (size_t)4 << 20);
		config_print(&config, &text);
		assert(!text.failed);
	} else {
		assert(strchr(message, '\n') == NULL);
	}
	arena_release(&arena);
	free(variable);
	return 0;
}
