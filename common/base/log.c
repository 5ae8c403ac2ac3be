/*
 * The log: one line, one write(2). A log is made in main() and called from any
 * thread; only its level ever changes. What always holds: no allocation, so
 * that running out of memory can be logged; a line holds no control character
 * but its final newline, however it came by its words; errno is kept.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"

#define LOG_PREFIX_MAX 64   /* bytes */
#define LOG_WORDS_MAX  4096 /* bytes before escaping */
#define LOG_LINE_MAX   8192 /* bytes after it, with the newline */

static const char cut_mark[] = "...";

static const struct {
	const char *name;
	char journal; /* the digit of sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", '3'},
	[LOG_LEVEL_WARNING] = {"warning", '4'},
	[LOG_LEVEL_INFO] = {"info", '6'},
	[LOG_LEVEL_DEBUG] = {"debug", '7'},
};

struct log {
	int fd;
	bool journal;
	atomic_int level;
	char prefix[LOG_PREFIX_MAX];
};

struct line {
	size_t len;
	char text[LOG_LINE_MAX];
};

struct log *log_new(int fd, const char *prefix, enum log_level level,
		    bool journal)
{
	struct log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->fd = fd;
	log->journal = journal;
	atomic_init(&log->level, (int)level);
	snprintf(log->prefix, sizeof(log->prefix), "%s", prefix);
	return log;
}

void log_free(struct log *log)
{
	free(log);
}

void log_set_level(struct log *log, enum log_level level)
{
	atomic_store(&log->level, (int)level);
}

bool log_enabled(const struct log *log, enum log_level level)
{
	return log && (int)level <= atomic_load(&log->level);
}

static void begin(struct line *line, const struct log *log,
		  enum log_level level)
{
	char now[CLOCK_TEXT_SIZE];
	int n;

	if (log->journal) {
		n = snprintf(line->text, sizeof(line->text), "<%c>",
			     levels[level].journal);
	} else {
		clock_format_us(clock_realtime_us(), now);
		n = snprintf(line->text, sizeof(line->text), "%s %s %s: ", now,
			     log->prefix, levels[level].name);
	}
	line->len = (size_t)n;
}

/* False where no place for the mark and the newline would be left. */
static bool add(struct line *line, const void *bytes, size_t n)
{
	if (n > sizeof(line->text) - sizeof(cut_mark) - line->len)
		return false;
	memcpy(line->text + line->len, bytes, n);
	line->len += n;
	return true;
}

static bool is_control(uint32_t code_point)
{
	return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
}

static bool add_words(struct line *line, const uint8_t *words, size_t n)
{
	char escape[sizeof("\\xNN")];
	uint32_t code_point;
	bool added = true;

	for (size_t i = 0, step; added && i < n; i += step) {
		step = utf8_sequence(words + i, n - i, &code_point);
		if (step > 0 && !is_control(code_point)) {
			added = add(line, words + i, step);
		} else {
			/* What follows its first byte is invalid alone. */
			step = 1;
			snprintf(escape, sizeof(escape), "\\x%02x", words[i]);
			added = add(line, escape, strlen(escape));
		}
	}
	return added;
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
	char words[LOG_WORDS_MAX];
	int saved = errno;
	struct line line;
	va_list args;
	bool cut;
	int n;

	if (!log_enabled(log, level))
		return;
	va_start(args, format);
	n = vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	if (n < 0)
		n = snprintf(words, sizeof(words), "%s", format);

	begin(&line, log, level);
	cut = (size_t)n >= sizeof(words);
	if (!add_words(&line, (uint8_t *)words, strlen(words)) || cut) {
		memcpy(line.text + line.len, cut_mark, sizeof(cut_mark) - 1);
		line.len += sizeof(cut_mark) - 1;
	}
	line.text[line.len++] = '\n';
	while (write(log->fd, line.text, line.len) < 0 && errno == EINTR)
		;
	errno = saved;
}

int log_level_from_name(const char *name)
{
	for (size_t i = 0; i < array_size(levels); i++)
		if (strcmp(levels[i].name, name) == 0)
			return (int)i;
	return -1;
}
