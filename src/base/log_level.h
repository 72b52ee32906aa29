/* log_level.h: the levels and formats of the log. The configuration chooses them, the log obeys. */
#pragma once

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
};

enum log_format {
	LOG_JSON, /* an object a line, for programs */
	LOG_TEXT, /* for people at a terminal */
};
