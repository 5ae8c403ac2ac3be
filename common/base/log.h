/*
 * The log of a program: lines to a file descriptor with time, level and words.
 * One is made in main() and passed down; there is no global. Control characters
 * and invalid UTF-8 are escaped (\xNN), so that a peer cannot forge a line;
 * what exceeds some 4 KiB is cut, which "..." shows. Nothing is allocated.
 *
 * Thread: log_write() may be called from any thread; a line is one write(2).
 */
#ifndef VIRTMUX_BASE_LOG_H
#define VIRTMUX_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

struct log;

/*
 * FD is borrowed and stays open as long as the log. PREFIX (program name, at
 * most 63 bytes) is copied. Where JOURNAL, lines are "<3>WORDS" with
 * sd-daemon(3) levels, else "TIME PREFIX LEVEL: WORDS" with an RFC 3339 UTC
 * time of milliseconds. NULL without memory.
 */
struct log *log_new(int fd, const char *prefix, enum log_level level,
		    bool journal);
void log_free(struct log *log); /* NULL-safe */

void log_set_level(struct log *log, enum log_level level);
bool log_enabled(const struct log *log, enum log_level level);

/* LOG may be NULL: then nothing is written. Keeps errno. */
void log_write(struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(log, ...)   log_write(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_write(log, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(log, ...)    log_write(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...)                                                    \
	do {                                                                   \
		if (log_enabled(log, LOG_LEVEL_DEBUG))                         \
			log_write(log, LOG_LEVEL_DEBUG, __VA_ARGS__);          \
	} while (0)

/* "error", "warning", "info" or "debug"; -1 for another name. */
int log_level_from_name(const char *name);

#endif
