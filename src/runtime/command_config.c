/* command_config.c: `tro config`. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "runtime/commands.h"
#include "runtime/terminal.h"

#define OUTPUT_MAX (256 * 1024)

int run_config(const struct invocation *invocation)
{
	bool wants_markdown = invocation->argc == 2 && strcmp(invocation->argv[1], "--markdown") == 0;
	if (invocation->argc > 1 && !wants_markdown)
		return complain_usage("config", "'%s' is not understood", invocation->argv[1]);
	struct buffer output;
	buffer_init(&output, NULL, OUTPUT_MAX);
	if (wants_markdown)
		config_write_markdown(&output);
	else
		config_print(invocation->config, &output);
	bool is_whole = !output.failed;
	if (is_whole)
		fwrite(output.data, 1, output.length, stdout);
	buffer_release(&output);
	return is_whole ? EXIT_DONE : complain("the configuration cannot be printed: out of memory");
}
