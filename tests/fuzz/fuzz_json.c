/*
 * Everything that reads text of a peer in common/api: the JSON gate, messages
 * both ways, the parameters of every method, results, paths. Run by libFuzzer
 * over corpus/json. What holds besides not crashing: what the gate takes, json-c
 * reads as the same tree; what decodes, encodes to something that decodes again.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "api/message.h"

#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition))                                              \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any_params {
#define METHOD(id, name, role, kind, summary, doc) struct id##_params id;
#include "api/methods.def"
};

union any_result {
#define RESULT(id, type, doc) result_of_##id id;
#include "api/methods.def"
};

/*
 * json-c's own parser agrees with what the gate has taken. Left out: pairs of
 * surrogates, since json-c 0.16 reads "\ud836\udd1e" (U+1D91E, and every other
 * character whose low 16 bits look like a surrogate) as U+FFFD.
 */
static void compare(struct json_object *value, const char *text, size_t size)
{
	struct json_tokener *tokener;
	struct json_object *other;

	if (strstr(text, "\\ud") || strstr(text, "\\uD"))
		return;
	tokener = json_tokener_new_ex(64);
	must(tokener);
	json_tokener_set_flags(tokener,
			       JSON_TOKENER_STRICT |
				       JSON_TOKENER_ALLOW_TRAILING_CHARS);
	other = json_tokener_parse_ex(tokener, text, (int)size + 1);
	must(json_tokener_get_error(tokener) == json_tokener_success);
	must(json_object_equal(value, other));
	json_object_put(other);
	json_tokener_free(tokener);
}

static void decode_again(const struct method *m, const union any_params *params)
{
	union any_params again;
	autojson value = NULL;
	autobuf text = {0};

	must(params_encode(m, params, &text) == 0);
	/* an escaped text can outgrow the limit of what is taken */
	if (text.len > JSON_REQUEST_SIZE_MAX)
		return;
	must(json_parse((const char *)buf_bytes(&text), text.len, NULL, &value,
			NULL) == 0);
	must(params_decode(m, value, &again, NULL) == 0);
	params_free(m, &again);
}

static void decode(const struct method *m, struct json_object *value)
{
	union any_params params;
	union any_result result;
	autobuf target = {0};

	if (params_decode(m, value, &params, NULL) == 0) {
		decode_again(m, &params);
		must(params_audit_target(m, &params, &target) == 0);
		(void)method_role_for(m, &params);
		params_free(m, &params);
	}
	if (m->result && result_decode(m, value, &result, NULL) == 0)
		result_free(m, &result);
}

static void decode_path(const char *path, size_t size)
{
	for (int kind = METHOD_GET; kind <= METHOD_STREAM; kind++) {
		const struct method *m =
			method_find_path((enum method_kind)kind, path, size);
		union any_params params, again;
		autobuf text = {0};

		if (!m || params_decode_path(m, path, size, &params, NULL) != 0)
			continue;
		must(params_encode_path(m, &params, &text) == 0);
		must(params_decode_path(m, (const char *)buf_bytes(&text),
					text.len, &again, NULL) == 0);
		params_free(m, &again);
		params_free(m, &params);
	}
}

static void read_message(const char *text, size_t size)
{
	automessage message = {0};

	if (message_parse(text, size, &message, NULL) != 0)
		return;
	for (size_t i = 0; i < message.count; i++) {
		const struct request *r = &message.requests[i];
		autobuf answer = {0};

		must((r->method != NULL) != error_is_set(&r->error));
		if (r->method)
			decode(r->method, r->params);
		must(message_append_error(&answer, r->id, &r->error, NULL) ==
		     0);
		autoresponse response = {0};

		must(response_parse((const char *)buf_bytes(&answer),
				    answer.len, &response, NULL) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autojson value = NULL;
	autoresponse response = {0};
	char *text = malloc(size + 1);

	must(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (json_parse(text, size, NULL, &value, NULL) == 0) {
		compare(value, text, size);
		for (size_t i = 0; i < METHODS; i++)
			decode(method_by_id((enum method_id)i), value);
	}
	read_message(text, size);
	(void)response_parse(text, size, &response, NULL);
	decode_path(text, size);
	free(text);
	return 0;
}
