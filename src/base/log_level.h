/* log_level.h: how much is written, and in what form. The configuration chooses it, the log obeys it. */
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
