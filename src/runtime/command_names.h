/* command_names.h: the commands' names in metrics and traces: "hold_create". */
#pragma once

#include "domain/command.h"

extern const char *const command_names[COMMAND_KIND_COUNT];
