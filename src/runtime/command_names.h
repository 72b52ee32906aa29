/* command_names.h: what metrics and traces call the commands: "hold_create". */
#pragma once

#include "domain/command.h"

extern const char *const command_names[COMMAND_KIND_COUNT];
