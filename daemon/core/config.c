/*
 * Reads virtmuxd.conf by the table in options.def. Called by main.c at start and
 * by reload.c. What always holds: a struct config that was returned has passed
 * every check, those across several options included.
 */
#include "daemon/core/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/ini.h"
#include "daemon/core/address.h"

#define KEY_FILE_MAX   (1024 * 1024) /* bytes */
#define SAMPLE_COLUMNS 79

static const struct option_spec specs[] = {
#define OPTION(section, id, name, type, fallback, range, change, doc)          \
	{#section,      name,                                                  \
	 OPTION_##type, fallback,                                              \
	 range,         OPTION_##change,                                       \
	 doc,           offsetof(struct config, section##_##id)},
#include "daemon/core/options.def"
};

static int on_entry(void *context, const char *section, const char *key,
		    const char *value, unsigned line, struct error *err)
{
	if (key)
		return options_set(specs, array_size(specs), context, section,
				   key, value, err);
	if (options_has_section(specs, array_size(specs), section))
		return 0;
	/* Gives the words for an unknown section. */
	return options_set(specs, array_size(specs), context, section, "", "",
			   err);
}

static int check_tls_min(const struct config *c, const char *file,
			 struct error *err)
{
	const char *version = c->tls_tls_min;

	if (strcmp(version, "1.3") == 0 || strcmp(version, "1.2") == 0)
		return 0;
	if (strcmp(version, "1.1") == 0 || strcmp(version, "1.0") == 0 ||
	    strncasecmp(version, "ssl", 3) == 0)
		return error_set(err, ERROR_CONFIG,
				 "%s: [tls] tls-min = %s: versions below 1.2 "
				 "are broken (RFC 8996) and virtmux does not "
				 "speak them; use 1.3, or 1.2 for old clients",
				 file, version);
	return error_set(err, ERROR_CONFIG,
			 "%s: [tls] tls-min must be 1.3 or 1.2, not \"%s\"",
			 file, version);
}

static int check_windows(const struct config *c, const char *file,
			 struct error *err)
{
	if (c->limits_window_first > c->limits_window_most)
		return error_set(err, ERROR_CONFIG,
				 "%s: [limits] window-first is above "
				 "window-most",
				 file);
	if (c->limits_window_most > c->limits_window_all)
		return error_set(err, ERROR_CONFIG,
				 "%s: [limits] window-most is above window-all",
				 file);
	return 0;
}

static int check_daemon(const struct config *c, const char *file,
			struct error *err)
{
	const char *audit = c->daemon_audit;

	struct address address;

	for (char **text = c->daemon_listen; *text; text++)
		if (address_parse(*text, &address, err) < 0)
			return error_prefix(err, "%s: [daemon] listen", file);
	if (!c->daemon_listen[0])
		return error_set(err, ERROR_CONFIG,
				 "%s: [daemon] listen names no address", file);
	if (*audit != '/' && strcmp(audit, "stderr") != 0 &&
	    strcmp(audit, "journal") != 0)
		return error_set(err, ERROR_CONFIG,
				 "%s: [daemon] audit must be an absolute path, "
				 "stderr or journal, not \"%s\"",
				 file, audit);
	if (!*c->libvirt_uri)
		return error_set(err, ERROR_CONFIG,
				 "%s: [libvirt] uri is empty", file);
	return 0;
}

static int check(const struct config *c, const char *file, struct error *err)
{
	if (check_daemon(c, file, err) < 0 || check_tls_min(c, file, err) < 0)
		return -1;
	return check_windows(c, file, err);
}

static struct config *make(struct error *err)
{
	autoptr(config) c = calloc(1, sizeof(*c));

	if (!c) {
		error_set_no_memory(err);
		return NULL;
	}
	if (options_set_defaults(specs, array_size(specs), c, err) < 0)
		return NULL;
	return steal(&c);
}

int config_parse(struct config **out, const char *text, size_t len,
		 const char *file, struct error *err)
{
	autoptr(config) c = make(err);

	if (!c || ini_read(text, len, file, on_entry, c, err) < 0 ||
	    check(c, file, err) < 0)
		return -1;
	*out = steal(&c);
	return 0;
}

int config_load(struct config **out, const char *path, struct error *err)
{
	autoptr(config) c = make(err);

	if (!c || ini_read_file(path, on_entry, c, err) < 0 ||
	    check(c, path, err) < 0)
		return -1;
	*out = steal(&c);
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	options_free(specs, array_size(specs), c);
	free(c);
}

static bool equal(const struct option_spec *spec, const struct config *a,
		  const struct config *b)
{
	autobuf first = {0};
	autobuf second = {0};

	if (option_print(spec, a, &first) < 0 ||
	    option_print(spec, b, &second) < 0)
		return true;
	return first.len == second.len &&
	       (first.len == 0 ||
		memcmp(buf_bytes(&first), buf_bytes(&second), first.len) == 0);
}

int config_restart_needed(const struct config *before,
			  const struct config *after, struct buf *names)
{
	for (size_t i = 0; i < array_size(specs); i++)
		if (specs[i].change == OPTION_RESTART &&
		    !equal(&specs[i], before, after))
			buf_appendf(names, "%s[%s] %s", names->len ? ", " : "",
				    specs[i].section, specs[i].name);
	return buf_ok(names) ? 0 : -1;
}

/* -- for the other rooms -------------------------------------------------- */

enum log_level config_log_level(const struct config *c)
{
	static const enum log_level levels[] = {
		LOG_LEVEL_ERROR,
		LOG_LEVEL_WARNING,
		LOG_LEVEL_INFO,
		LOG_LEVEL_DEBUG,
	};

	return levels[c->daemon_log_level];
}

void config_conn_limits(const struct config *c, struct conn_limits *limits)
{
	*limits = (struct conn_limits){
		.h2 = {.streams = (unsigned)c->limits_streams,
		       .header_list = (size_t)c->limits_header_list,
		       .window_first = (int32_t)c->limits_window_first,
		       .window_most = (int32_t)c->limits_window_most,
		       .window_all = (int32_t)c->limits_window_all},
		.grace_ms = (uint64_t)c->limits_grace,
		.silence_ms = (uint64_t)c->limits_silence,
		.pong_ms = (uint64_t)c->limits_pong,
	};
}

void config_rpc_limits(const struct config *c, struct rpc_limits *limits)
{
	*limits = (struct rpc_limits){
		.body = (size_t)c->limits_request_body,
		.depth = (unsigned)c->limits_json_depth,
		.calls = (unsigned)c->limits_calls,
		.waiting = (unsigned)c->limits_calls_waiting,
		.held = (size_t)c->limits_request_bodies,
		.jobs = (unsigned)c->limits_jobs,
		.keys = {.keys = (unsigned)c->limits_keys,
			 .keys_identity = (unsigned)c->limits_keys_identity,
			 .bytes = (size_t)c->limits_keys_bytes,
			 .age_ms = (uint64_t)c->limits_keys_age},
	};
}

/* A host starts alone: nobody is there who could type a passphrase. */
static int read_key(const char *path, struct evp_pkey_st **key,
		    struct error *err)
{
	autobuf pem = {0};
	int result = -1;

	if (file_read_private(path, KEY_FILE_MAX, &pem, err) < 0)
		return -1;
	if (tls_key_is_encrypted((const char *)buf_bytes(&pem), pem.len))
		error_set(err, ERROR_KEY,
			  "the key in %s needs a passphrase, which nobody can "
			  "enter when the host starts; write it without one: "
			  "openssl pkey -in %s -out NEW, mode 0600",
			  path, path);
	else
		result = tls_key_from_pem(key, (const char *)buf_bytes(&pem),
					  pem.len, path, NULL, NULL, err);
	secret_wipe(pem.data, pem.cap);
	return result;
}

int config_tls_context(const struct config *c, struct tls_context **context,
		       struct error *err)
{
	static const enum tls_identity identities[] = {
		TLS_IDENTITY_URI,
		TLS_IDENTITY_EMAIL,
		TLS_IDENTITY_CN,
	};
	struct evp_pkey_st *key = NULL;
	struct tls_config tls = {
		.role = TLS_HOST,
		.identity = identities[c->tls_identity],
		.allow_tls12 = strcmp(c->tls_tls_min, "1.2") == 0,
		.ca_file = c->tls_ca,
		.certificate_file = c->tls_certificate,
		.crl_file = c->tls_crl,
		.keylog_file = c->tls_keylog,
	};
	int result;

	if (read_key(c->tls_key, &key, err) < 0)
		return error_prefix(err, "[tls] key");
	tls.key = key;
	result = tls_context_new(context, &tls, err);
	tls_key_free(key);
	return result;
}

/* -- the manual and the sample -------------------------------------------- */

/* As a sentence behind HEAD; nothing where there is no range. */
static void print_range(struct buf *out, const char *head,
			const struct option_spec *spec)
{
	const char *dots = strstr(spec->range, "..");

	if (dots)
		buf_appendf(out, "%sFrom %.*s to %s.\n", head,
			    (int)(dots - spec->range), spec->range, dots + 2);
	else if (*spec->range)
		buf_appendf(out, "%sOne of: %s.\n", head, spec->range);
}

static void describe(struct buf *out, const struct option_spec *spec)
{
	buf_appendf(out, ".TP\n.B %s\n", spec->name);
	buf_appendf(out, "%s\n", spec->doc);
	print_range(out, "", spec);
	if (spec->fallback)
		buf_appendf(out, "Default: %s.\n", spec->fallback);
	if (spec->change == OPTION_RESTART)
		buf_append_str(out, "A change needs a restart.\n");
}

int config_describe_roff(struct buf *out)
{
	for (size_t i = 0; i < array_size(specs); i++) {
		if (i == 0 ||
		    strcmp(specs[i].section, specs[i - 1].section) != 0)
			buf_appendf(out, ".SS [%s]\n", specs[i].section);
		describe(out, &specs[i]);
	}
	return buf_ok(out) ? 0 : -1;
}

/* The words of a text, as a comment of lines up to SAMPLE_COLUMNS. */
static void print_comment(struct buf *out, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column == 0 || column + 1 + n > SAMPLE_COLUMNS) {
			buf_append_str(out, column ? "\n#" : "#");
			column = 1;
		}
		buf_append_char(out, ' ');
		buf_append(out, text, n);
		column += 1 + n;
		text += n;
		text += strspn(text, " ");
	}
	buf_append_char(out, '\n');
}

static void print_option(struct buf *out, const struct option_spec *spec)
{
	buf_append_char(out, '\n');
	print_comment(out, spec->doc);
	print_range(out, "# ", spec);
	if (spec->change == OPTION_RESTART)
		buf_append_str(out, "# A change needs a restart.\n");
	buf_appendf(out, "#%s = %s\n", spec->name,
		    spec->fallback ? spec->fallback : "");
}

int config_print_sample(struct buf *out)
{
	buf_append_str(out,
		       "# " CONFIG_PATH ": the agent on a host of virtual "
		       "machines, virtmuxd(8).\n"
		       "# Every option with its default; made by "
		       "`virtmuxd --print-config`. SIGHUP reads it anew.\n");
	for (size_t i = 0; i < array_size(specs); i++) {
		if (i == 0 ||
		    strcmp(specs[i].section, specs[i - 1].section) != 0)
			buf_appendf(out, "\n[%s]\n", specs[i].section);
		print_option(out, &specs[i]);
	}
	return buf_ok(out) ? 0 : -1;
}
