/*
 * A running verb: what its function may ask for (command.h). Profile, channel and
 * all that they need are made at the first use and end with the call.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/file.h"
#include "base/ini.h"
#include "client/connect/channel.h"
#include "client/command_private.h"
#include "client/follow.h"
#include "client/guard.h"
#include "client/output.h"
#include "client/connect/profile.h"

#define STDIN_NAME "standard input"

/* -- options and arguments ------------------------------------------------- */

const struct command *call_command(const struct command_call *call)
{
	return call->command;
}

const char *call_argument(const struct command_call *call, size_t i)
{
	return i < call->arguments_count ? call->arguments[i] : NULL;
}

size_t call_argument_count(const struct command_call *call)
{
	return call->arguments_count;
}

static const struct value *find_global(const struct command_call *call,
				       const char *name)
{
	for (size_t i = 0; command_globals[i].kind != COMMAND_END; i++)
		if (strcmp(command_globals[i].name, name) == 0)
			return &call->globals[i];
	assert(!"an option that no table has");
	return NULL;
}

static const struct value *find_value(const struct command_call *call,
				      const char *name)
{
	const struct command *c = call->command;

	for (size_t i = 0; c && c->items[i].kind != COMMAND_END; i++)
		if (c->items[i].kind == COMMAND_OPTION &&
		    strcmp(c->items[i].name, name) == 0)
			return &call->values[i];
	for (size_t i = 0; command_longs[i].kind != COMMAND_END; i++)
		if (strcmp(command_longs[i].name, name) == 0)
			return &call->longs[i];
	return find_global(call, name);
}

int call_count(const struct command_call *call, const char *name)
{
	return find_value(call, name)->count;
}

bool call_given(const struct command_call *call, const char *name)
{
	return call_count(call, name) > 0;
}

bool call_flag(const struct command_call *call, const char *name)
{
	return call_count(call, name) > 0;
}

const char *call_text(const struct command_call *call, const char *name,
		      const char *fallback)
{
	const struct value *v = find_value(call, name);

	return v->count ? v->text : fallback;
}

int64_t call_number(const struct command_call *call, const char *name,
		    int64_t fallback)
{
	const struct value *v = find_value(call, name);

	return v->count ? v->number : fallback;
}

int call_choice(const struct command_call *call, const char *name, int fallback)
{
	return (int)call_number(call, name, fallback);
}

const char *command_global_text(const struct command_call *call,
				const char *name, const char *fallback)
{
	const struct value *v = find_global(call, name);

	return v->count ? v->text : fallback;
}

int64_t command_global_number(const struct command_call *call, const char *name,
			      int64_t fallback)
{
	const struct value *v = find_global(call, name);

	return v->count ? v->number : fallback;
}

int command_global_choice(const struct command_call *call, const char *name,
			  int fallback)
{
	return (int)command_global_number(call, name, fallback);
}

static void free_value(struct value *value)
{
	for (int i = 0; value->texts && i < value->count; i++)
		free(value->texts[i]);
	free(value->texts);
}

/* -- profile and channel --------------------------------------------------- */

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

const char *call_config_file(const struct command_call *call)
{
	return command_global_text(call, "config",
				   environment("VIRTMUX_CONFIG"));
}

int call_profile(struct command_call *call, const struct profile **profile,
		 struct error *err)
{
	return call_profile_of(call, NULL, profile, err);
}

const char *command_host_text(const struct command_call *call)
{
	return command_global_text(call, "host", environment("VIRTMUX_HOST"));
}

bool command_global_given(const struct command_call *call, const char *name)
{
	return find_global(call, name)->count > 0;
}

static int replace_value(struct value *value, const char *text,
			 struct error *err)
{
	free_value(value);
	*value = (struct value){.texts = calloc(1, sizeof(char *))};
	if (!value->texts)
		return error_set_no_memory(err);
	value->text = value->texts[0] = strdup(text);
	if (!value->text)
		return error_set_no_memory(err);
	value->count = 1;
	return 0;
}

int command_set_host(struct command_call *call, const char *host,
		     struct error *err)
{
	for (size_t i = 0; command_globals[i].kind != COMMAND_END; i++)
		if (strcmp(command_globals[i].name, "host") == 0)
			return replace_value(&call->globals[i], host, err);
	return 0;
}

int command_load_profile(const struct command_call *call, const char *host,
			 struct profile **profile, struct error *err)
{
	struct profile_request request = {
		.config = call_config_file(call),
		.host = host ? host : command_host_text(call),
		.address = command_global_text(call, "address", NULL),
		.ca = command_global_text(call, "ca", NULL),
		.certificate = command_global_text(call, "certificate", NULL),
		.key = command_global_text(call, "key", NULL),
	};

	return profile_load(profile, &request, err);
}

int call_profile_of(struct command_call *call, const char *host,
		    const struct profile **profile, struct error *err)
{
	if (!call->profile &&
	    command_load_profile(call, host, &call->profile, err) < 0)
		return -1;
	*profile = call->profile;
	return 0;
}

const struct key_sources *call_key_sources(struct command_call *call)
{
	call->sources = (struct key_sources){
		.opened = call->opened,
		.given = call->passphrase,
		.passphrase_fd =
			(int)command_global_number(call, "passphrase-fd", -1),
		.passphrase_file =
			command_global_text(call, "passphrase-file", NULL),
		.deadline = &call->deadline,
		.batch = call_flag(call, "batch"),
		.log = call->log,
	};
	if (call->one_of_many) {
		call->sources.passphrase_fd = -1;
		call->sources.batch = true;
	}
	return &call->sources;
}

static void on_away(void *context, uint64_t ms)
{
	struct command_call *call = context;

	held_line_show(&call->held, NULL, NULL);
	fprintf(stderr,
		"virtmux: the connection to host '%s' was cut; waiting for it "
		"to come back, for %" PRIu64 " s at most (Ctrl-C ends it)\n",
		call->session.profile->name, ms / 1000);
}

static void on_held(void *context, const struct channel_held *held)
{
	struct command_call *call = context;

	held_line_show(&call->held, call->session.profile->name, held);
}

/* A person who sees nothing happen is told why; a script is not. */
static bool tells_of_waits(const struct command_call *call)
{
	return isatty(STDERR_FILENO) == 1 && !call_flag(call, "quiet") &&
	       !call->one_of_many;
}

static int open_channel(struct command_call *call, struct tls_context *tls,
			struct error *err)
{
	const struct profile *profile = NULL;
	struct channel_options options = {0};

	if (call_profile(call, &profile, err) < 0)
		return -1;
	call->session = (struct session_options){
		.profile = profile,
		.sources = call_key_sources(call),
		.config = call_config_file(call),
		.deadline = &call->deadline,
		.log = call->log,
	};
	options.profile = profile;
	options.sources = &call->sources;
	options.session = &call->session;
	options.tls = tls;
	options.keep_key = call->keep_key;
	options.route = call_flag(call, "no-session") ? CHANNEL_ROUTE_DIRECT
						      : CHANNEL_ROUTE_ANY;
	options.deadline = &call->deadline;
	options.log = call->log;
	options.on_away = tells_of_waits(call) ? on_away : NULL;
	options.on_held = tells_of_waits(call) ? on_held : NULL;
	options.away_context = call;
	return channel_open(&call->channel, &options, err);
}

int call_channel(struct command_call *call, struct channel **channel,
		 struct error *err)
{
	if (!call->channel && open_channel(call, NULL, err) < 0)
		return -1;
	*channel = call->channel;
	return 0;
}

struct deadline *call_deadline(struct command_call *call)
{
	return &call->deadline;
}

int call_default_timeout(struct command_call *call, uint64_t ms,
			 struct error *err)
{
	if (call->deadline.ms)
		return 0;
	deadline_set(&call->deadline, ms, call->begun);
	return command_begin_guard(call, err);
}

bool call_is_late(const struct command_call *call)
{
	return deadline_is_over(&call->deadline);
}

void call_begun(struct command_call *call)
{
	deadline_lift(&call->deadline);
}

void call_drop_channel(struct command_call *call)
{
	channel_free(steal(&call->channel));
}

void call_keep_key(struct command_call *call)
{
	call->keep_key = true;
}

int call_reconnect(struct command_call *call, struct channel **channel,
		   struct error *err)
{
	struct tls_context *tls = NULL;
	int rc;

	if (call->channel && channel_tls(call->channel))
		tls = tls_context_ref(channel_tls(call->channel));
	channel_free(steal(&call->channel));
	if (tls && call->tls != tls) {
		tls_context_unref(call->tls);
		call->tls = tls_context_ref(tls);
	}
	tls_context_unref(tls);
	rc = open_channel(call, call->tls, err);
	*channel = call->channel;
	return rc;
}

/* -- parameters ------------------------------------------------------------ */

static int read_input(const char *path, struct buf *out, struct error *err)
{
	if (strcmp(path, "-") == 0)
		return file_read_fd(STDIN_FILENO, STDIN_NAME,
				    JSON_REQUEST_SIZE_MAX, out, err);
	return file_read(path, JSON_REQUEST_SIZE_MAX, out, err);
}

/* "xml=CONTENT" for a FILE, to free(). */
static int word_of_file(char **word, const char *param, const char *path,
			struct error *err)
{
	autobuf text = {0};

	buf_appendf(&text, "%s=", param);
	if (read_input(path, &text, err) < 0)
		return -1;
	if (memchr(buf_bytes(&text), '\0', text.len))
		return error_set(err, ERROR_USAGE,
				 "%s is no text: it has a NUL", path);
	*word = buf_steal_str(&text);
	return *word ? 0 : error_set_no_memory(err);
}

static int word_of_item(char **word, const struct command_item *item,
			const struct value *value, struct error *err)
{
	autobuf text = {0};

	if (item->type == COMMAND_FILE)
		return word_of_file(word, item->param, value->text, err);
	buf_appendf(&text, "%s=%s", item->param,
		    item->type == COMMAND_FLAG ? "true" : value->text);
	*word = buf_steal_str(&text);
	return *word ? 0 : error_set_no_memory(err);
}

static void free_words(char **words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(words[i]);
	free(words);
}

int call_params(const struct command_call *call, struct buf *out,
		struct error *err)
{
	const struct command *c = call->command;
	const struct method *m = command_method(c);
	char **words =
		calloc(command_items_count(c->items) + 1, sizeof(*words));
	size_t n = 0;
	int rc = 0;

	if (!words)
		return error_set_no_memory(err);
	for (size_t i = 0; rc == 0 && c->items[i].kind != COMMAND_END; i++)
		if (c->items[i].param && call->values[i].count) {
			rc = word_of_item(&words[n], &c->items[i],
					  &call->values[i], err);
			n += rc == 0;
		}
	if (rc == 0)
		rc = params_from_words(m, (const char *const *)words, n, out,
				       err);
	free_words(words, n);
	if (rc < 0 && err && err->code == ERROR_INVALID_PARAMS)
		err->code = ERROR_USAGE;
	return rc;
}

int call_method(struct command_call *call, const char *method,
		const char *params, struct json_object **result,
		struct error *err)
{
	const struct method *m = NULL;
	struct channel *channel = NULL;
	autofree char *own = NULL;
	autobuf text = {0};

	if (!method)
		method = call->command->method;
	if (!params && method == call->command->method) {
		if (call_params(call, &text, err) < 0)
			return -1;
		own = buf_steal_str(&text);
		if (!own)
			return error_set_no_memory(err);
		params = own;
	}
	m = method_find(method, strlen(method));
	if (m && m->is_long)
		return follow_call(call, method, params, result, err);
	if (call_channel(call, &channel, err) < 0)
		return -1;
	return channel_call(channel, method, params, result, err);
}

void call_told(struct command_call *call, enum error_code code)
{
	call_told_status(call, error_code_exit_status(code));
}

void call_told_status(struct command_call *call, int status)
{
	call->told = status;
}

struct log *call_log(const struct command_call *call)
{
	return call->log;
}

struct output *call_output(const struct command_call *call)
{
	return call->output;
}

/* -- the end --------------------------------------------------------------- */

static void free_values(struct value *values, const struct command_item *items)
{
	for (size_t i = 0; values && items[i].kind != COMMAND_END; i++)
		free_value(&values[i]);
	free(values);
}

void command_clear(struct command_call *call)
{
	channel_free(call->channel);
	guard_free(call->guard);
	tls_context_unref(call->tls);
	profile_free(call->profile);
	output_free(call->output);
	log_free(call->log);
	if (call->command)
		free_values(call->values, call->command->items);
	free_values(call->longs, command_longs);
	free_values(call->globals, command_globals);
	for (size_t i = 0; i < call->arguments_count; i++)
		free(call->arguments[i]);
	free(call->arguments);
	free(call->family);
	*call = (struct command_call){0};
}
