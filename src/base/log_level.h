/* log_level.h: how much is written. The configuration chooses it, the log obeys it. */
#pragma once

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
};
