/*
 * What the tests of pki/ share: a folder of their own, an authority in it, and
 * a run of a command with its output caught. Header only; each test links its
 * own copy. What always holds: the folder is gone after fixture_stop().
 */
#ifndef VIRTMUX_TESTS_PKI_FIXTURE_H
#define VIRTMUX_TESTS_PKI_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "pki/arguments.h"
#include "pki/authority.h"
#include "pki/commands.h"

#define FIXTURE_WORDS 100

struct fixture {
	char dir[64]; /* the test's own, 0700 */
	char pki[80]; /* dir/pki, not made */
	char *out;    /* of the last run */
	char *messages;
	struct error err; /* of the last run */
};

static inline int fixture_start(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/virtmux-pki-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->pki, sizeof(f->pki), "%s/pki", f->dir);
	setenv("VIRTMUX_PKI", f->pki, 1);
	*state = f;
	return 0;
}

static inline int fixture_remove(const char *path, const struct stat *st,
				 int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void fixture_forget(struct fixture *f)
{
	free(f->out);
	free(f->messages);
	f->out = NULL;
	f->messages = NULL;
	error_clear(&f->err);
}

static inline int fixture_stop(void **state)
{
	struct fixture *f = *state;

	fixture_forget(f);
	nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline void fixture_write(const char *path, const char *text,
				 mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

__attribute__((format(printf, 1, 2))) static inline bool
fixture_exists(const char *format, ...)
{
	char path[512];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return access(path, F_OK) == 0;
}

/*
 * Runs a command line (words divided by single blanks); 0 or -1, the rest is in
 * F.
 */
__attribute__((format(printf, 2, 3))) static inline int
fixture_run(struct fixture *f, const char *format, ...)
{
	char text[1024];
	const char *argv[FIXTURE_WORDS] = {"virtmux-pki"};
	int argc = 1, result = -1;
	char *rest = text, *word;
	size_t out_size, messages_size;
	va_list args;

	fixture_forget(f);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	while ((word = strsep(&rest, " ")) && argc < FIXTURE_WORDS - 1)
		argv[argc++] = word;
	struct arguments *arguments = arguments_parse(argc, argv, &f->err);
	struct command_call call = {
		.arguments = arguments,
		.out = open_memstream(&f->out, &out_size),
		.messages = open_memstream(&f->messages, &messages_size),
	};

	if (arguments)
		result = command_run(command_find(arguments_word(arguments, 0)),
				     &call, &f->err);
	arguments_free(arguments);
	fclose(call.out);
	fclose(call.messages);
	assert_int_equal(result, error_is_set(&f->err) ? -1 : 0);
	return result;
}

/* An authority without a passphrase in f->pki, and passphrase file dir/pass. */
static inline void fixture_make_authority(struct fixture *f)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/pass", f->dir);
	fixture_write(path, "secret phrase\n", 0600);
	assert_int_equal(fixture_run(f, "init --no-ca-passphrase"), 0);
}

static inline int fixture_start_with_authority(void **state)
{
	fixture_start(state);
	fixture_make_authority(*state);
	return 0;
}

#define fixture_test(function)                                                 \
	cmocka_unit_test_setup_teardown(function, fixture_start, fixture_stop)
#define fixture_test_with_authority(function)                                  \
	cmocka_unit_test_setup_teardown(                                       \
		function, fixture_start_with_authority, fixture_stop)

#endif
