/*
 * The verb `type`: a text typed on a guest's keyboard by domain.send-key, a batch
 * of keys a call (keyboard.h).
 *
 * What always holds: the whole text is planned and the domain seen to run before
 * the first key; the next batch is sent when the hypervisor has pressed and
 * released the one before, since it drops what its queue cannot hold.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/clock.h"
#include "base/file.h"
#include "client/connect/channel.h"
#include "client/escapes.h"
#include "client/consoles/keyboard.h"
#include "client/output.h"
#include "client/connect/profile.h"
#include "client/verbs.h"

#define TEXT_MAX   (64 * 1024) /* bytes; at the usual pace 40 minutes */
#define HOLD_MS    20 /* a key's press and release: 25 characters a second */
#define KEY_DIGITS 8  /* of a key's number in a call, with its comma */

struct typing {
	struct command_call *call;
	struct channel *channel;
	struct domain_info domain;
	struct keyboard_plan plan;
	uint64_t hold_ms;
	size_t typed; /* characters */
};

/* -- what is typed ----------------------------------------------------------- */

static int read_text(struct command_call *call, struct buf *text,
		     struct error *err)
{
	const char *given = call_argument(call, 1);
	int rc = 0;

	if (strcmp(given, "-") == 0)
		rc = file_read_fd(STDIN_FILENO, "standard input", TEXT_MAX,
				  text, err);
	else
		rc = escapes_read(given, "the text", text, err);
	if (rc == 0 && call_flag(call, "enter"))
		buf_append_char(text, '\n');
	if (rc == 0 && !buf_ok(text))
		return error_set_no_memory(err);
	if (rc == 0 && text->len == 0)
		return error_set(err, ERROR_USAGE,
				 "there is no text to type; --enter alone "
				 "wants '\\n' instead");
	return rc;
}

static int plan(struct typing *t, struct error *err)
{
	const struct profile *profile = NULL;
	const char *layout = call_text(t->call, "layout", NULL);
	autoptr(keyboard) keyboard = NULL;
	autobuf text = {0};

	if (read_text(t->call, &text, err) < 0 ||
	    call_profile(t->call, &profile, err) < 0)
		return -1;
	if (keyboard_new(&keyboard, layout ? layout : profile->layout, err) < 0)
		return -1;
	return keyboard_plan(keyboard, (const char *)buf_bytes(&text), text.len,
			     &t->plan, err);
}

/* -- typing ------------------------------------------------------------------ */

/* A paused guest would lose the keys without a word. */
static int find_domain(struct typing *t, struct error *err)
{
	struct domain_info_params params = {
		.domain = (char *)call_argument(t->call, 0)};

	if (channel_call_typed(t->channel, METHOD_domain_info, &params,
			       &t->domain, err) < 0)
		return -1;
	if (t->domain.state == DOMAIN_STATE_RUNNING ||
	    t->domain.state == DOMAIN_STATE_BLOCKED ||
	    t->domain.state == DOMAIN_STATE_SHUTDOWN)
		return 0;
	return error_set(
		err, ERROR_STATE,
		"domain '%s' is %s, and takes no keys: virtmux %s %s "
		"makes it run",
		t->domain.name,
		enum_text(&api_type_domain_state, (unsigned)t->domain.state),
		t->domain.state == DOMAIN_STATE_PAUSED ? "resume" : "start",
		t->domain.name);
}

static int send_batch(struct typing *t, const struct keyboard_batch *b,
		      struct error *err)
{
	char numbers[KEYBOARD_BATCH_MAX][KEY_DIGITS];
	char *keys[KEYBOARD_BATCH_MAX];
	struct domain_send_key_params params = {
		.domain = t->domain.uuid,
		.keys = keys,
		.keys_count = b->n,
		.holdtime = t->hold_ms,
		.has_holdtime = true,
	};

	for (uint8_t i = 0; i < b->n; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu16,
			 b->keys[i]);
		keys[i] = numbers[i];
	}
	return channel_call_typed(t->channel, METHOD_domain_send_key, &params,
				  NULL, err);
}

/* The hypervisor holds each press, and each release, for that long. */
static uint64_t batch_ms(const struct typing *t, const struct keyboard_batch *b)
{
	return 2 * t->hold_ms * b->n;
}

static int type_all(struct typing *t, struct error *err)
{
	for (size_t i = 0; i < t->plan.n; i++) {
		const struct keyboard_batch *b = &t->plan.batches[i];
		uint64_t end =
			clock_monotonic_ns() + batch_ms(t, b) * CLOCK_NS_PER_MS;
		uint64_t now;

		if (send_batch(t, b, err) < 0)
			return -1;
		t->typed += b->characters;
		now = clock_monotonic_ns();
		if (now < end &&
		    channel_pause(t->channel, (end - now) / CLOCK_NS_PER_MS + 1,
				  err) < 0)
			return -1;
	}
	return 0;
}

/* -- what is told ------------------------------------------------------------ */

static int tell(struct typing *t, struct error *err)
{
	struct output *output = call_output(t->call);
	autojson o = NULL;

	if (output_is_text(output)) {
		output_say(output, "Typed %zu character%s to domain '%s'",
			   t->typed, t->typed == 1 ? "" : "s", t->domain.name);
		return 0;
	}
	o = json_object_new_object();
	if (!o)
		return error_set_no_memory(err);
	json_object_object_add(o, "name",
			       json_object_new_string(t->domain.name));
	json_object_object_add(o, "uuid",
			       json_object_new_string(t->domain.uuid));
	json_object_object_add(o, "characters",
			       json_object_new_int64((int64_t)t->typed));
	return output_value(output, o, err);
}

static int run(struct typing *t, struct error *err)
{
	if (plan(t, err) < 0 || call_channel(t->call, &t->channel, err) < 0 ||
	    find_domain(t, err) < 0)
		return -1;
	if (type_all(t, err) < 0)
		return error_prefix(err,
				    "%zu of %zu characters were typed to "
				    "domain '%s'",
				    t->typed, t->plan.characters,
				    t->domain.name);
	return tell(t, err);
}

int verb_type(struct command_call *call, struct error *err)
{
	struct typing t = {
		.call = call,
		.hold_ms = (uint64_t)call_number(call, "holdtime", HOLD_MS),
	};
	int rc = run(&t, err);

	result_free(method_by_id(METHOD_domain_info), &t.domain);
	free(t.plan.batches);
	return rc;
}
