/*
 * The command sign: a certificate for a key that was made elsewhere. Called by
 * the command table. What always holds: the certificate carries the names that
 * the command line or a person's yes granted, and no other wish of the request.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/user.h"
#include "pki/confirm.h"
#include "pki/issue.h"
#include "pki/request.h"
#include "pki/settings.h"

static struct request *read_request(const char *path, struct error *err)
{
	autobuf data = {0};

	if (file_read(path, PEM_FILE_MAX, &data, err) < 0)
		return NULL;
	return request_from_bytes(buf_bytes(&data), data.len, path, err);
}

/* --user or --host with --san; 1 where neither is given. */
static int grant(const struct arguments *arguments,
		 struct request_wish *granted, struct error *err)
{
	const char *user = arguments_value(arguments, ARGUMENT_USER);
	const char *host = arguments_value(arguments, ARGUMENT_HOST);

	if (user && host)
		return error_set(err, ERROR_USAGE,
				 "--user and --host contradict each other: a "
				 "certificate is for one of them");
	if (!host && arguments_given(arguments, ARGUMENT_SAN))
		return error_set(err, ERROR_USAGE, "--san wants --host");
	if (!user && !host)
		return 1;
	*granted = (struct request_wish){.kind = CERTIFICATE_USER};
	if (host) {
		granted->kind = CERTIFICATE_HOST;
		granted->sans =
			issue_sans(arguments, host, &granted->san_count, err);
		if (!granted->sans)
			return -1;
		strcpy(granted->name, granted->sans[0].text);
		return 0;
	}
	if (user_check_name(user, err) < 0)
		return -1;
	strcpy(granted->name, user);
	return 0;
}

static struct authority_request make_request(const struct arguments *arguments,
					     const struct request_wish *granted,
					     EVP_PKEY *key)
{
	return (struct authority_request){
		.kind = granted->kind,
		.name = granted->name,
		.sans = granted->sans,
		.san_count = granted->san_count,
		.key = key,
		.replace = arguments_given(arguments, ARGUMENT_REPLACE),
	};
}

static void print_grant(FILE *file, const struct authority_request *request)
{
	fprintf(file, "%s %s", certificate_kind_name(request->kind),
		request->name);
	if (request->kind != CERTIFICATE_HOST)
		return;
	fputs(" (", file);
	issue_print_sans(file, request);
	fputs(")", file);
}

static int print_wishes(const struct command_call *call,
			const struct request *asked, const char *path,
			struct error *err)
{
	autobuf text = {0};

	request_print(asked, &text);
	if (!buf_ok(&text))
		return error_set_no_memory(err);
	fprintf(call->messages, "%s asks for:\n%.*s", path, (int)text.len,
		(const char *)buf_bytes(&text));
	return 0;
}

static int print_denied(const struct command_call *call,
			const struct request *asked,
			const struct request_wish *granted, struct error *err)
{
	autobuf text = {0};

	request_print_denied(asked, granted, &text);
	if (!buf_ok(&text))
		return error_set_no_memory(err);
	if (text.len > 0)
		fprintf(call->messages, "Not granted:\n%.*s", (int)text.len,
			(const char *)buf_bytes(&text));
	return 0;
}

/* What the request asks for, where a person says yes to it. */
static int ask(const struct command_call *call, const struct request *asked,
	       struct request_wish *granted, struct error *err)
{
	struct authority_request shown;

	if (request_wish(asked, granted, err) < 0 ||
	    print_denied(call, asked, granted, err) < 0)
		return -1;
	shown = make_request(call->arguments, granted, NULL);
	fputs("To be signed as: ", call->messages);
	print_grant(call->messages, &shown);
	fputs("\n", call->messages);
	fflush(call->messages);
	return confirm("Sign it?",
		       arguments_given(call->arguments, ARGUMENT_BATCH),
		       "Say what you grant: --user NAME, or --host NAME with a "
		       "--san for each further name",
		       err);
}

static void report(FILE *out, const char *dir,
		   const struct authority_request *request,
		   const struct index_entry *entry)
{
	char end[CLOCK_TEXT_SIZE];

	clock_format_s(entry->expires, end);
	fputs("Signed the certificate of the ", out);
	print_grant(out, request);
	fprintf(out,
		", serial %s, valid until %s.\n"
		"Send back %s/%ss/%s.crt and %s/ca.crt; neither is a secret.\n",
		entry->serial, end, dir, certificate_kind_name(entry->kind),
		entry->name, dir);
	if (entry->kind == CERTIFICATE_USER)
		fprintf(out,
			"The user takes them with 'virtmux import FILE'. On "
			"each host, a section [%s] with a role in "
			"/etc/virtmux/access.conf lets %s in.\n",
			entry->name, entry->name);
}

/* Whether the key of an older certificate of that name lies here. */
static bool has_key(const struct store *store,
		    const struct authority_request *request)
{
	autofree char *path =
		store_path(store, request->kind, request->name, STORE_KEY);

	return path && access(path, F_OK) == 0;
}

static int sign(const struct command_call *call, const struct request *asked,
		const struct request_wish *granted, struct error *err)
{
	struct authority_request request =
		make_request(call->arguments, granted, request_key(asked));
	autoptr(store) store = settings_open_store(call->arguments, err);
	bool had_key = store && has_key(store, &request);
	struct index_entry entry;

	if (!store || settings_days(call->arguments, &request.days, err) < 0 ||
	    issue_for_key(call, store, &request, &entry, err) < 0)
		return -1;
	if (had_key && !has_key(store, &request))
		fprintf(call->messages,
			"virtmux-pki: note: %s/%ss/%s.key, the key of the "
			"certificate before, was removed\n",
			store_dir(store), certificate_kind_name(entry.kind),
			entry.name);
	report(call->out, store_dir(store), &request, &entry);
	return 0;
}

int command_sign(const struct command_call *call, struct error *err)
{
	const char *path = arguments_word(call->arguments, 1);
	cleanup(request_wish_clear) struct request_wish granted = {0};
	autoptr(request) asked = NULL;
	int given = grant(call->arguments, &granted, err);
	long days;

	if (given < 0 || settings_days(call->arguments, &days, err) < 0)
		return -1;
	asked = read_request(path, err);
	if (!asked || print_wishes(call, asked, path, err) < 0)
		return -1;
	if (given == 0 && print_denied(call, asked, &granted, err) < 0)
		return -1;
	if (given == 1 && ask(call, asked, &granted, err) < 0)
		return -1;
	return sign(call, asked, &granted, err);
}
