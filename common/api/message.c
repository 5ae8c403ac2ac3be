/*
 * JSON-RPC 2.0: request bodies into structs and answers into text for the
 * daemon, the reverse for the client. What holds: every request of a body that
 * was taken has either a method or an error; an id comes back as it was sent.
 */
#include "api/message.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/member.h"

/* The members of a request, as they are met. */
struct envelope {
	struct json_object *version;
	struct json_object *id;
	struct json_object *method;
	struct json_object *params;
	bool has_id;
	bool has_params;
};

static int invalid(struct error *err, const char *words)
{
	return error_set(err, ERROR_INVALID_REQUEST, "%s", words);
}

static bool is_version_2(struct json_object *version)
{
	return json_object_is_type(version, json_type_string) &&
	       strcmp(json_object_get_string(version), "2.0") == 0;
}

static int envelope_read(struct json_object *object, struct envelope *e,
			 struct error *err)
{
	char room[SHOWN_SIZE];
	const char *unknown = NULL;

	json_object_object_foreach(object, key, value)
	{
		if (strcmp(key, "jsonrpc") == 0) {
			e->version = value;
		} else if (strcmp(key, "id") == 0) {
			e->id = value;
			e->has_id = true;
		} else if (strcmp(key, "method") == 0) {
			e->method = value;
		} else if (strcmp(key, "params") == 0) {
			e->params = value;
			e->has_params = true;
		} else {
			unknown = key;
		}
	}
	if (!unknown)
		return 0;
	return error_set(err, ERROR_INVALID_REQUEST,
			 "a request has no member \"%s\"; known are jsonrpc, "
			 "id, method and params",
			 shown(room, unknown, strlen(unknown)));
}

/* The id's JSON text into *OUT. */
static int id_text(struct json_object *id, char **out, struct error *err)
{
	autobuf text = {0};

	switch (json_object_get_type(id)) {
	case json_type_null:
		buf_append_str(&text, "null");
		break;
	case json_type_string:
		json_append_string_len(&text, json_object_get_string(id),
				       (size_t)json_object_get_string_len(id));
		break;
	case json_type_int:
		json_append_int(&text, json_object_get_int64(id));
		break;
	case json_type_double:
		/* json-c prints the text that it was read from */
		buf_append_str(&text, json_object_to_json_string(id));
		break;
	default:
		return invalid(err, "the id of a request must be a string, a "
				    "number or null");
	}
	if (buf_ok(&text) && text.len > MESSAGE_ID_MAX)
		return error_set(err, ERROR_INVALID_REQUEST,
				 "the id of a request is longer than %d bytes",
				 MESSAGE_ID_MAX);
	*out = buf_steal_str(&text);
	return *out ? 0 : error_set_no_memory(err);
}

static int method_read(struct request *r, struct error *err)
{
	const char *nearest;
	char room[SHOWN_SIZE];
	size_t len = strlen(r->name);

	r->method = method_find(r->name, len);
	if (!r->method) {
		shown(room, r->name, len);
		nearest = method_nearest(room);
		return error_set(err, ERROR_UNKNOWN_METHOD,
				 "there is no method \"%s\"%s%s%s", room,
				 nearest ? "; did you mean \"" : "",
				 nearest ? nearest : "", nearest ? "\"?" : "");
	}
	if (!r->method->path)
		return 0;
	error_set(err, ERROR_UNKNOWN_METHOD,
		  "%s is not called by JSON-RPC, but by %s of %s", r->name,
		  r->method->kind == METHOD_STREAM ? "an extended CONNECT"
		  : r->method->kind == METHOD_PUT  ? "PUT"
						   : "GET",
		  r->method->path);
	r->method = NULL;
	return -1;
}

/* Everything but the id, which is there already where there is one. */
static int envelope_check(const struct envelope *e, struct request *r,
			  struct error *err)
{
	if (!is_version_2(e->version))
		return invalid(err, "a request has \"jsonrpc\": \"2.0\"");
	if (!json_object_is_type(e->method, json_type_string))
		return invalid(err, "a request has a \"method\", a string");
	if (e->has_params &&
	    !json_object_is_type(e->params, json_type_object) &&
	    !json_object_is_type(e->params, json_type_array))
		return invalid(err, "the \"params\" of a request must be an "
				    "object");
	r->name = json_object_get_string(e->method);
	r->params = e->params;
	return 0;
}

/* JSON-RPC 2.0, 5: an invalid request whose id is not known has the id null. */
static void answer_with_null(struct request *r)
{
	if (r->id)
		return;
	r->id = strdup("null");
	if (!r->id)
		error_set_no_memory(&r->error);
}

static void request_read(struct json_object *object, struct request *r)
{
	struct envelope e = {0};

	if (!json_object_is_type(object, json_type_object)) {
		invalid(&r->error, "a request must be a JSON object");
		answer_with_null(r);
		return;
	}
	if (envelope_read(object, &e, &r->error) != 0) {
		autoerror ignored = {0};

		if (e.has_id)
			(void)id_text(e.id, &r->id, &ignored);
		answer_with_null(r);
		return;
	}
	if ((e.has_id && id_text(e.id, &r->id, &r->error) != 0) ||
	    envelope_check(&e, r, &r->error) != 0) {
		answer_with_null(r);
		return;
	}
	/* No answer to a notification, not even to an unknown one (section 4.1). */
	(void)method_read(r, &r->error);
}

static int requests_read(struct message *m, struct error *err)
{
	size_t n = 1;

	m->batch = json_object_is_type(m->tree, json_type_array);
	if (!m->batch && !json_object_is_type(m->tree, json_type_object))
		return invalid(err,
			       "a request must be a JSON object, or a list "
			       "of them");
	if (m->batch)
		n = json_object_array_length(m->tree);
	if (n == 0)
		return invalid(err, "the batch is empty");
	if (n > MESSAGE_BATCH_MAX)
		return error_set(err, ERROR_TOO_LARGE,
				 "the batch has %zu requests; at most %d are "
				 "taken",
				 n, MESSAGE_BATCH_MAX);
	m->requests = calloc(n, sizeof(*m->requests));
	if (!m->requests)
		return error_set_no_memory(err);
	m->count = n;
	for (size_t i = 0; i < n; i++)
		request_read(m->batch ? json_object_array_get_idx(m->tree, i)
				      : m->tree,
			     &m->requests[i]);
	return 0;
}

int message_parse(const char *text, size_t len, struct message *out,
		  struct error *err)
{
	*out = (struct message){0};
	if (json_parse(text, len, &json_request_limits, &out->tree, err) != 0)
		return -1;
	if (requests_read(out, err) == 0)
		return 0;
	message_free(out);
	return -1;
}

void message_free(struct message *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++) {
		free(m->requests[i].id);
		error_clear(&m->requests[i].error);
	}
	free(m->requests);
	json_object_put(m->tree);
	*m = (struct message){0};
}

/* -- answers -------------------------------------------------------------- */

static int finish(const struct buf *out)
{
	return buf_ok(out) ? 0 : -1;
}

static void answer_begin(struct buf *out, const char *id, const char *what)
{
	buf_append_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_append_str(out, id ? id : "null");
	buf_append_str(out, ",\"");
	buf_append_str(out, what);
	buf_append_str(out, "\":");
}

int message_append_result(struct buf *out, const char *id,
			  const struct method *m, const void *result)
{
	answer_begin(out, id, "result");
	result_encode(m, result, out);
	buf_append_char(out, '}');
	return finish(out);
}

int message_append_result_text(struct buf *out, const char *id,
			       const char *json, size_t len)
{
	answer_begin(out, id, "result");
	buf_append(out, json, len);
	buf_append_char(out, '}');
	return finish(out);
}

int message_append_error(struct buf *out, const char *id,
			 const struct error *err, const char *call)
{
	answer_begin(out, id, "error");
	buf_append_str(out, "{\"code\":");
	json_append_int(out, error_code_rpc_number(err->code));
	buf_append_str(out, ",\"message\":");
	json_append_string(out, error_words(err));
	buf_append_str(out, ",\"data\":{\"name\":");
	json_append_string(out, error_code_name(err->code));
	buf_append_str(out, ",\"retry\":");
	buf_append_str(out, error_code_may_retry(err->code) ? "true" : "false");
	if (call) {
		buf_append_str(out, ",\"call\":");
		json_append_string(out, call);
	}
	if (call && err->cause)
		buf_append_str(out, ",\"logged\":true");
	buf_append_str(out, "}}}");
	return finish(out);
}

int message_append_batch(struct buf *out, const struct buf *answers, size_t n)
{
	char before = '[';

	for (size_t i = 0; i < n; i++) {
		if (!buf_ok(&answers[i]))
			return -1;
		if (answers[i].len == 0)
			continue;
		buf_append_char(out, before);
		buf_append(out, buf_bytes(&answers[i]), answers[i].len);
		before = ',';
	}
	if (before == ',')
		buf_append_char(out, ']');
	return finish(out);
}

/* -- the client's side ---------------------------------------------------- */

static void request_begin(struct buf *out, uint64_t id, const char *method)
{
	buf_append_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	json_append_uint(out, id);
	buf_append_str(out, ",\"method\":");
	json_append_string(out, method);
}

int message_append_request(struct buf *out, uint64_t id, const char *method,
			   const char *params, size_t params_len)
{
	request_begin(out, id, method);
	if (params) {
		buf_append_str(out, ",\"params\":");
		buf_append(out, params, params_len);
	}
	buf_append_char(out, '}');
	return finish(out);
}

int message_append_call(struct buf *out, uint64_t id, const struct method *m,
			const void *params)
{
	request_begin(out, id, m->name);
	buf_append_str(out, ",\"params\":");
	params_encode(m, params, out);
	buf_append_char(out, '}');
	return finish(out);
}

static int refused(struct error *err, const char *words)
{
	return error_set(err, ERROR_INVALID_REQUEST,
			 "the host's answer is no JSON-RPC 2.0 response: %s",
			 words);
}

/* The member NAME of OBJECT where it has that type, else NULL. */
static struct json_object *member_of(struct json_object *object,
				     const char *name, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

static int failure_read(struct json_object *failure, struct response *r,
			struct error *err)
{
	struct json_object *code, *words, *data, *call;

	code = member_of(failure, "code", json_type_int);
	words = member_of(failure, "message", json_type_string);
	if (!code || !words)
		return refused(err, "its error has no code or no message");
	error_set(&r->error,
		  error_code_from_rpc_number(json_object_get_int(code)), "%s",
		  json_object_get_string(words));
	data = member_of(failure, "data", json_type_object);
	call = data ? member_of(data, "call", json_type_string) : NULL;
	if (!call)
		return 0;
	r->call = strdup(json_object_get_string(call));
	if (!r->call)
		return error_set_no_memory(err);
	error_set_cause(&r->error, "call %s%s", r->call,
			json_object_get_boolean(
				member_of(data, "logged", json_type_boolean))
				? ": see the host's log"
				: "");
	return r->error.cause ? 0 : error_set_no_memory(err);
}

static int response_read(struct response *r, struct error *err)
{
	struct json_object *id = NULL, *failure = NULL;
	bool has_result, has_error;

	if (!json_object_is_type(r->tree, json_type_object))
		return refused(err, "it is no object");
	if (!is_version_2(member_of(r->tree, "jsonrpc", json_type_string)))
		return refused(err, "it lacks \"jsonrpc\": \"2.0\"");
	has_result = json_object_object_get_ex(r->tree, "result", &r->result);
	has_error = json_object_object_get_ex(r->tree, "error", &failure);
	if (has_result == has_error)
		return refused(err, "it has not exactly one of result and "
				    "error");
	if (!json_object_object_get_ex(r->tree, "id", &id))
		return refused(err, "it has no id");
	if (id_text(id, &r->id, err) != 0)
		return error_prefix(err, "the host's answer");
	if (has_result)
		return 0;
	if (!json_object_is_type(failure, json_type_object))
		return refused(err, "its error is no object");
	return failure_read(failure, r, err);
}

int response_parse(const char *text, size_t len, struct response *out,
		   struct error *err)
{
	*out = (struct response){0};
	if (json_parse(text, len, &json_response_limits, &out->tree, err) != 0)
		return error_prefix(err, "the host's answer");
	if (response_read(out, err) == 0)
		return 0;
	response_free(out);
	return -1;
}

void response_free(struct response *r)
{
	if (!r)
		return;
	free(r->id);
	free(r->call);
	error_clear(&r->error);
	json_object_put(r->tree);
	*r = (struct response){0};
}
