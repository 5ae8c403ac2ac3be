/*
 * Verbs about libvirt's secrets: secret-list, and secret-set-value, whose value comes
 * from a file or the terminal. What holds: a value stands in memory that is wiped, and
 * is never printed.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "base/file.h"
#include "base/secret.h"
#include "client/connect/deadline.h"
#include "client/connect/prompt.h"
#include "client/show.h"
#include "client/verbs.h"
#include "client/words.h"

#define VALUE_MAX (64 * 1024) /* bytes; libvirt's own limit */

int verb_secret_list(struct command_call *call, struct error *err)
{
	static const struct show_item items[] = {
		{"UUID", "secret", SHOW_TEXT},
		{"Usage", "usage", SHOW_TEXT},
		{"For", "usage_id", SHOW_TEXT},
		{"Ephemeral", "ephemeral", SHOW_YES},
		{"Private", "private", SHOW_YES},
		{"Description", "description", SHOW_TEXT},
	};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return show_table(call, result, "secrets", items, array_size(items),
			  err);
}

static void wipe_and_free(struct buf *b)
{
	if (b->data)
		secret_wipe(b->data, b->cap);
	buf_free(b);
}

#define autosecretbuf cleanup(wipe_and_free) struct buf

/* RFC 4648 4. */
static int encode(struct buf *out, const uint8_t *data, size_t n,
		  struct error *err)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	if (n == 0)
		return error_set(err, ERROR_USAGE, "the value is empty");
	if (buf_reserve(out, (n + 2) / 3 * 4 + 1) < 0)
		return error_set_no_memory(err);
	for (size_t i = 0; i < n; i += 3) {
		uint32_t group = (uint32_t)data[i] << 16;

		if (i + 1 < n)
			group |= (uint32_t)data[i + 1] << 8;
		if (i + 2 < n)
			group |= data[i + 2];
		for (size_t k = 0; k < 4; k++)
			buf_append_char(
				out,
				i + k > n ? '='
					  : digits[group >> (18 - 6 * k) & 63]);
	}
	return 0;
}

/* Base64 as it is, without the line's ends of a text file. */
static void append_without_space(struct buf *out, const struct buf *from)
{
	for (size_t i = 0; i < from->len; i++) {
		char c = (char)buf_bytes(from)[i];

		if (!strchr(" \t\r\n", c))
			buf_append_char(out, c);
	}
}

static int read_file(const struct command_call *call, struct buf *out,
		     struct error *err)
{
	const char *path = call_text(call, "file", NULL);
	autosecretbuf text = {0};
	int rc;

	/* So that neither buffer is moved while it grows. */
	if (buf_reserve(&text, 2 * VALUE_MAX) < 0 ||
	    buf_reserve(out, 2 * VALUE_MAX) < 0)
		return error_set_no_memory(err);
	if (strcmp(path, "-") == 0)
		rc = file_read_fd(STDIN_FILENO, "standard input",
				  2 * VALUE_MAX - 1, &text, err);
	else
		rc = file_read(path, 2 * VALUE_MAX - 1, &text, err);
	if (rc < 0)
		return -1;
	if (call_flag(call, "plain"))
		return encode(out, buf_bytes(&text), text.len, err);
	append_without_space(out, &text);
	return out->len ? 0 : error_set(err, ERROR_USAGE, "%s is empty", path);
}

static int ask(struct command_call *call, struct buf *out, struct error *err)
{
	autoptr(secret) answer = secret_new();
	int rc;

	if (!answer)
		return error_set_no_memory(err);
	if (call_flag(call, "batch"))
		return error_set(err, ERROR_USAGE,
				 "the value is not asked for with --batch: "
				 "give --file");
	deadline_hold(call_deadline(call));
	rc = prompt_terminal(answer, "Value of the secret: ", err);
	deadline_go_on(call_deadline(call), 0);
	if (rc < 0)
		return -1;
	return encode(out, (const uint8_t *)answer->text, answer->len, err);
}

int verb_secret_set_value(struct command_call *call, struct error *err)
{
	bool file = call_given(call, "file");
	autosecretbuf value = {0};
	autowords words = {0};
	autojson result = NULL;

	if (file && call_flag(call, "interactive"))
		return error_set(err, ERROR_USAGE,
				 "give one of --file and --interactive");
	if (!file && call_flag(call, "plain"))
		return error_set(err, ERROR_USAGE, "--plain is about --file");
	if ((file ? read_file(call, &value, err) : ask(call, &value, err)) < 0)
		return -1;
	if (buf_append_char(&value, '\0') < 0)
		return error_set_no_memory(err);
	words_add(&words, "secret", call_argument(call, 0));
	words_add(&words, "value", (const char *)buf_bytes(&value));
	if (words_call(&words, call, METHOD_secret_set_value, &result, err) < 0)
		return -1;
	return call_done(call, "Secret value set", result, err);
}
