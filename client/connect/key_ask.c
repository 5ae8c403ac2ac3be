/*
 * The sources of a passphrase (key_ask.h). Only people get several tries; what they
 * type is asked for by prompt.h.
 */
#include "client/connect/key_ask.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"
#include "client/connect/deadline.h"
#include "client/connect/prompt.h"

enum source {
	SOURCE_NONE, /* batch, or nobody is there */
	SOURCE_GIVEN,
	SOURCE_PROGRAM, /* the one that we are part of */
	SOURCE_FD,
	SOURCE_FILE,
	SOURCE_ASKPASS,
	SOURCE_TERMINAL,
};

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

/* -- who is asked ---------------------------------------------------------- */

/*
 * SSH_ASKPASS by ssh's rules (readpass.c): always with "force", before the
 * terminal with "prefer" and without a terminal otherwise where there is a
 * display, not at all with "never".
 */
static const char *ssh_askpass(void)
{
	const char *program = environment("SSH_ASKPASS");
	const char *require = environment("SSH_ASKPASS_REQUIRE");
	bool display = environment("DISPLAY") || environment("WAYLAND_DISPLAY");

	if (!program)
		return NULL;
	if (require && strcasecmp(require, "never") == 0)
		return NULL;
	if (require && strcasecmp(require, "force") == 0)
		return program;
	if (!display)
		return NULL;
	if (require && strcasecmp(require, "prefer") == 0)
		return program;
	return prompt_has_terminal() ? NULL : program;
}

static enum source find_person(const char **askpass)
{
	*askpass = environment("VIRTMUX_ASKPASS");
	if (!*askpass)
		*askpass = ssh_askpass();
	if (*askpass)
		return SOURCE_ASKPASS;
	return prompt_has_terminal() ? SOURCE_TERMINAL : SOURCE_NONE;
}

static enum source find_source(const struct key_sources *sources,
			       const char **askpass)
{
	if (sources->given)
		return SOURCE_GIVEN;
	if (sources->ask)
		return SOURCE_PROGRAM;
	if (sources->passphrase_fd >= 0)
		return SOURCE_FD;
	if (sources->passphrase_file)
		return SOURCE_FILE;
	return sources->batch ? SOURCE_NONE : find_person(askpass);
}

/* -- the passphrase -------------------------------------------------------- */

static int take_first_line(struct secret *answer, const struct buf *text,
			   const char *path, struct error *err)
{
	const char *begin = (const char *)buf_bytes(text);
	const char *end = text->len ? memchr(begin, '\n', text->len) : NULL;
	size_t n = end ? (size_t)(end - begin) : text->len;

	if (n > 0 && begin[n - 1] == '\r')
		n--;
	if (n >= SECRET_MAX || (n && memchr(begin, '\0', n)))
		return error_set(err, ERROR_KEY,
				 "what stands in %s is no passphrase: it has a "
				 "NUL or more than %d bytes",
				 path, SECRET_MAX - 1);
	memcpy(answer->text, n ? begin : "", n);
	answer->text[n] = '\0';
	answer->len = n;
	return 0;
}

static int read_passphrase_file(struct secret *answer, const char *path,
				struct error *err)
{
	autobuf text = {0};
	autoerror why = {0};
	int rc = 0;

	if (file_read_private(path, SECRET_MAX, &text, &why) < 0)
		return error_set(err, ERROR_KEY,
				 "the file of the passphrase: %s",
				 error_words(&why));
	rc = take_first_line(answer, &text, path, err);
	if (text.data)
		secret_wipe(text.data, text.cap);
	return rc;
}

static int nobody_to_ask(const struct key_question *q, struct error *err)
{
	return error_set(err, ERROR_KEY,
			 "%s needs a %s, and %s: give it by "
			 "--passphrase-fd or --passphrase-file, or name an "
			 "askpass program in VIRTMUX_ASKPASS",
			 q->name, q->what,
			 q->sources->batch ? "--batch asks nobody"
					   : "there is no terminal to ask at");
}

/* A person's answer to PROMPT. */
static int ask_person(struct secret *answer, const struct key_question *q,
		      const char *prompt, struct error *err)
{
	const char *askpass = NULL;
	enum source source = find_source(q->sources, &askpass);
	int rc;

	if (source != SOURCE_ASKPASS && source != SOURCE_TERMINAL)
		return nobody_to_ask(q, err);
	deadline_hold(q->sources->deadline);
	rc = source == SOURCE_ASKPASS
		     ? prompt_askpass(answer, askpass, prompt, err)
		     : prompt_terminal(answer, prompt, err);
	deadline_go_on(q->sources->deadline, 0);
	return rc;
}

static char *make_prompt(const struct key_question *q, const char *before,
			 const char *behind)
{
	autobuf text = {0};

	buf_appendf(&text, "%s%c%s for %s%s: ", before, toupper(q->what[0]),
		    q->what + 1, q->name, behind);
	return buf_steal_str(&text);
}

int key_ask_tries(const struct key_sources *sources)
{
	const char *askpass = NULL;
	enum source source = find_source(sources, &askpass);

	return source == SOURCE_PROGRAM || source == SOURCE_ASKPASS ||
			       source == SOURCE_TERMINAL
		       ? KEY_TRIES
		       : 1;
}

static int ask(struct secret *answer, const struct key_question *q, bool again,
	       struct error *err)
{
	autofree char *prompt =
		make_prompt(q, again ? "That was wrong. " : "", "");
	const struct key_sources *s = q->sources;
	char name[32];

	if (!prompt)
		return error_set_no_memory(err);
	if (s->given) {
		*answer = *s->given;
		return 0;
	}
	if (s->ask)
		return s->ask(s->ask_context, answer, q, again, err);
	if (s->passphrase_fd >= 0) {
		snprintf(name, sizeof(name), "descriptor %d", s->passphrase_fd);
		return prompt_read_line(answer, s->passphrase_fd, name, err);
	}
	if (s->passphrase_file)
		return read_passphrase_file(answer, s->passphrase_file, err);
	return ask_person(answer, q, prompt, err);
}

int key_ask(struct secret *answer, const struct key_question *q, bool again,
	    struct error *err)
{
	if (ask(answer, q, again, err) < 0)
		return -1;
	if (q->sources->keep)
		*q->sources->keep = *answer;
	return 0;
}

/* 0, 1 where both answers differ, or -1. */
static int ask_twice(struct secret *answer, const struct key_question *q,
		     bool again, struct error *err)
{
	autoptr(secret) second = secret_new();
	autofree char *first_prompt =
		make_prompt(q, again ? "They differ. " : "", ", a new one");
	autofree char *second_prompt = make_prompt(q, "", ", once more");

	if (!second || !first_prompt || !second_prompt)
		return error_set_no_memory(err);
	if (ask_person(answer, q, first_prompt, err) < 0 ||
	    ask_person(second, q, second_prompt, err) < 0)
		return -1;
	return answer->len == second->len && memcmp(answer->text, second->text,
						    answer->len) == 0
		       ? 0
		       : 1;
}

int key_ask_new(struct secret *answer, const struct key_question *q,
		struct error *err)
{
	int tries = key_ask_tries(q->sources);
	int rc = 1;

	if (tries == 1)
		rc = key_ask(answer, q, false, err);
	for (int i = 0; rc == 1 && i < tries; i++)
		rc = ask_twice(answer, q, i > 0, err);
	if (rc < 0)
		return -1;
	if (rc > 0)
		return error_set(err, ERROR_KEY,
				 "the %s was not given twice alike", q->what);
	if (answer->len == 0)
		return error_set(err, ERROR_KEY,
				 "an empty %s protects nothing: nothing was "
				 "made",
				 q->what);
	return 0;
}
