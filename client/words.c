/*
 * Parameters as words (words.h). What holds: every word is the struct's own.
 */
#include "client/words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/file.h"
#include "base/secret.h"

/* A word may be a secret's value. */
static void wipe(char *word)
{
	secret_wipe(word, strlen(word));
	free(word);
}

void words_clear(struct words *words)
{
	for (size_t i = 0; i < words->n; i++)
		wipe(words->list[i]);
	words->n = 0;
}

static void append(struct words *words, char *word)
{
	if (!word || words->n == WORDS_MAX) {
		free(word);
		words->failed = true;
		return;
	}
	words->list[words->n++] = word;
}

void words_add(struct words *words, const char *name, const char *value)
{
	autobuf text = {0};

	if (!value)
		return;
	buf_appendf(&text, "%s=", name);
	buf_append_str(&text, value);
	append(words, buf_steal_str(&text));
}

void words_add_bool(struct words *words, const char *name, bool given,
		    bool value)
{
	if (given)
		words_add(words, name, value ? "true" : "false");
}

int words_add_file(struct words *words, const char *name, const char *path,
		   struct error *err)
{
	autobuf text = {0};
	int rc;

	buf_appendf(&text, "%s=", name);
	if (strcmp(path, "-") == 0)
		rc = file_read_fd(STDIN_FILENO, "standard input",
				  JSON_REQUEST_SIZE_MAX, &text, err);
	else
		rc = file_read(path, JSON_REQUEST_SIZE_MAX, &text, err);
	if (rc < 0)
		return -1;
	if (memchr(buf_bytes(&text), '\0', text.len))
		return error_set(err, ERROR_USAGE,
				 "%s is no text: it has a NUL", path);
	append(words, buf_steal_str(&text));
	return 0;
}

int words_call(const struct words *words, struct command_call *call,
	       enum method_id id, struct json_object **result,
	       struct error *err)
{
	const struct method *m = method_by_id(id);
	autobuf text = {0};
	autofree char *params = NULL;

	if (words->failed)
		return error_set_no_memory(err);
	if (params_from_words(m, (const char *const *)words->list, words->n,
			      &text, err) < 0) {
		if (err && err->code == ERROR_INVALID_PARAMS)
			err->code = ERROR_USAGE;
		return -1;
	}
	params = buf_steal_str(&text);
	if (!params)
		return error_set_no_memory(err);
	return call_method(call, m->name, params, result, err);
}
