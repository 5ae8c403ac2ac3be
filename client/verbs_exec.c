/*
 * The verb guest-exec: a program in a guest, what it wrote, and how it ended.
 */
#include <inttypes.h>
#include <stdio.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/base64.h"
#include "client/output.h"
#include "client/verbs.h"

/* "{"domain":…,"program":…,"arguments":[…],"timeout":…}", to free(). */
static char *make_params(const struct command_call *call)
{
	size_t n = call_argument_count(call);
	autobuf text = {0};

	buf_append_str(&text, "{\"domain\":");
	json_append_string(&text, call_argument(call, 0));
	buf_append_str(&text, ",\"program\":");
	json_append_string(&text, call_argument(call, 1));
	buf_append_str(&text, ",\"arguments\":[");
	for (size_t i = 2; i < n; i++) {
		if (i > 2)
			buf_append_char(&text, ',');
		json_append_string(&text, call_argument(call, i));
	}
	buf_append_char(&text, ']');
	if (call_given(call, "wait"))
		buf_appendf(&text, ",\"timeout\":%" PRId64,
			    call_number(call, "wait", 0));
	buf_append_char(&text, '}');
	return buf_steal_str(&text);
}

/* What BASE64 stands for goes to F as it is: it is the program's own output. */
static int write_decoded(FILE *f, const char *base64, struct error *err)
{
	autobuf bytes = {0};

	if (base64_decode(base64, &bytes) < 0)
		return error_set(err, ERROR_FAILED,
				 "the guest agent gave an output that is not "
				 "base64");
	fwrite(buf_bytes(&bytes), 1, bytes.len, f);
	return 0;
}

/* How it ended, where it did not end well. */
static int judge(const struct command_call *call,
		 const struct agent_execution *e, struct error *err)
{
	if (e->has_signal)
		return error_set(err, ERROR_FAILED,
				 "%s in the guest '%s' was ended by signal "
				 "%" PRIu64,
				 call_argument(call, 1), e->name, e->signal);
	if (e->has_status && e->status != 0)
		return error_set(err, ERROR_FAILED,
				 "%s in the guest '%s' ended with status "
				 "%" PRIu64,
				 call_argument(call, 1), e->name, e->status);
	return 0;
}

static int show(struct command_call *call, const struct agent_execution *e,
		struct error *err)
{
	FILE *f = output_file(call_output(call));

	if (e->has_output && write_decoded(f, e->output, err) < 0)
		return -1;
	fflush(f);
	if (e->has_errors && write_decoded(stderr, e->errors, err) < 0)
		return -1;
	if (e->truncated)
		fprintf(stderr, "virtmux: it wrote more, which the agent did "
				"not keep\n");
	return judge(call, e, err);
}

int verb_guest_exec(struct command_call *call, struct error *err)
{
	const struct method *m = method_by_id(METHOD_agent_exec);
	autofree char *params = make_params(call);
	struct agent_execution execution = {0};
	autojson result = NULL;
	int rc;

	if (!params)
		return error_set_no_memory(err);
	if (call_method(call, NULL, params, &result, err) < 0)
		return -1;
	if (!output_is_text(call_output(call)))
		return output_value(call_output(call), result, err);
	if (result_decode(m, result, &execution, err) < 0)
		return -1;
	rc = show(call, &execution, err);
	result_free(m, &execution);
	return rc;
}
