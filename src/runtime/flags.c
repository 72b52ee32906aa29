/* flags.c: reads a subcommand's flags and arguments. */
#include "runtime/flags.h"

#include <string.h>

#include "runtime/terminal.h"

/* Matches an argument with a flag: not at all, alone, or with its value behind "=". */
static bool matches(const char *argument, const char *name, const char **ret_inline_value)
{
	size_t length = strlen(name);
	if (strncmp(argument, name, length) != 0 || (argument[length] != '\0' && argument[length] != '='))
		return false;
	*ret_inline_value = argument[length] == '=' ? argument + length + 1 : NULL;
	return true;
}

static const struct flag *find(const struct flag *flags, uint32_t count, const char *argument, const char **ret_inline_value)
{
	for (uint32_t i = 0; i < count; i++)
		if (matches(argument, flags[i].name, ret_inline_value))
			return &flags[i];
	return NULL;
}

int flags_read(const char *command, const struct invocation *invocation, const struct flag *flags, uint32_t flag_count,
               const char **arguments, uint32_t argument_count)
{
	uint32_t taken = 0;
	bool are_arguments = false; /* from "--" on, whatever they begin with */
	for (int i = 1; i < invocation->argc; i++) {
		const char *argument = invocation->argv[i];
		const char *inline_value = NULL;
		if (!are_arguments && strcmp(argument, "--") == 0) {
			are_arguments = true;
			continue;
		}
		const struct flag *flag = are_arguments ? NULL : find(flags, flag_count, argument, &inline_value);
		bool is_argument = flag == NULL && (are_arguments || argument[0] != '-' || strcmp(argument, "-") == 0);
		if (is_argument && taken < argument_count) {
			arguments[taken++] = argument;
		} else if (flag == NULL) {
			return argument_count <= 1 || argument[0] == '-'
			               ? complain_usage(command, "'%s' is not understood", argument)
			               : complain_usage(command, "'%s' is too much: at most %u", argument, (unsigned)argument_count);
		} else if (flag->value == NULL) {
			if (inline_value != NULL)
				return complain_usage(command, "%s takes no value", flag->name);
			*flag->is_given = true;
		} else {
			if (inline_value == NULL && i + 1 == invocation->argc)
				return complain_usage(command, "%s needs a value", flag->name);
			*flag->value = inline_value != NULL ? inline_value : invocation->argv[++i];
		}
	}
	return EXIT_DONE;
}
