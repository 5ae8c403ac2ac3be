/*
 * virtmuxd's main(): the command line, the log, the limits of the process, and
 * the exit status. Everything else belongs to the service. What always holds: a
 * failure ends with a sentence on standard error and the status of its code.
 */
#include <popt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/config.h"
#include "daemon/core/manual.h"
#include "daemon/core/service.h"
#include "daemon/rpc/access.h"

#define NAME "virtmuxd"

/* The values of the command line, NULL where not given. */
struct arguments {
#define ARGUMENT(id, name, letter, value, doc) char *id;
#include "daemon/core/arguments.def"
};

enum argument {
	ARGUMENT_NONE, /* popt's end */
#define ARGUMENT(id, name, letter, value, doc) ARGUMENT_##id,
#include "daemon/core/arguments.def"
};

static const struct poptOption table[] = {
#define ARGUMENT(id, name, letter, value, doc)                                 \
	{name, letter,        (value) ? POPT_ARG_STRING : POPT_ARG_NONE,       \
	 NULL, ARGUMENT_##id, doc,                                             \
	 value},
#include "daemon/core/arguments.def"
	POPT_TABLEEND};

static int complain(const struct error *err)
{
	fprintf(stderr, NAME ": %s%s%s%s\n", error_words(err),
		err->cause ? " (" : "", err->cause ? err->cause : "",
		err->cause ? ")" : "");
	return error_code_exit_status(err->code);
}

static void store(struct arguments *arguments, int which, char *value)
{
	switch (which) {
#define ARGUMENT(id, name, letter, given, doc)                                 \
	case ARGUMENT_##id:                                                    \
		free(arguments->id);                                           \
		arguments->id = value ? value : strdup(name);                  \
		break;
#include "daemon/core/arguments.def"
	default:
		free(value);
	}
}

static void arguments_free(struct arguments *arguments)
{
#define ARGUMENT(id, name, letter, value, doc) free(arguments->id);
#include "daemon/core/arguments.def"
}

/* 0, or -1 with ERROR_USAGE. */
static int parse(poptContext popt, struct arguments *arguments,
		 struct error *err)
{
	int which;

	while ((which = poptGetNextOpt(popt)) > 0)
		store(arguments, which, poptGetOptArg(popt));
	if (which < -1)
		return error_set(err, ERROR_USAGE, "%s: %s (see --help)",
				 poptBadOption(popt, POPT_BADOPTION_NOALIAS),
				 poptStrerror(which));
	if (poptPeekArg(popt))
		return error_set(err, ERROR_USAGE,
				 "there is nothing to do with \"%s\" (see "
				 "--help)",
				 poptPeekArg(popt));
	if (arguments->log_level &&
	    log_level_from_name(arguments->log_level) < 0)
		return error_set(err, ERROR_USAGE,
				 "--log-level is error, warning, info or "
				 "debug, not \"%s\"",
				 arguments->log_level);
	return 0;
}

static int print(int (*printer)(struct buf *out))
{
	autobuf text = {0};

	if (printer(&text) < 0)
		return EXIT_FAILURE;
	fwrite(buf_bytes(&text), 1, text.len, stdout);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* All that a start would read, without starting. */
static int check_files(const char *path, struct error *err)
{
	autoptr(config) config = NULL;
	autoptr(access) access = NULL;
	struct tls_context *tls = NULL;

	if (config_load(&config, path, err) < 0 ||
	    access_load(&access, config->daemon_access, err) < 0 ||
	    config_tls_context(config, &tls, err) < 0)
		return -1;
	tls_context_unref(tls);
	return 0;
}

static int check_config(const char *path)
{
	autoerror err = {0};

	if (check_files(path, &err) < 0)
		return complain(&err);
	printf("%s and the files that it names are in order\n", path);
	return EXIT_SUCCESS;
}

/* Whether systemd has connected standard error with its journal: sd-daemon(3). */
static bool logs_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2 ||
	    fstat(STDERR_FILENO, &st) < 0)
		return false;
	return st.st_dev == device && st.st_ino == inode;
}

/* A connection is a descriptor; the soft limit is often 1024. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int serve(const struct arguments *arguments, const char *path,
		 struct log *log)
{
	autoerror err = {0};
	struct service *service = NULL;
	struct service_options options = {
		.config_path = path,
		.log = log,
		.log_level = -1,
	};
	int status;

	if (arguments->log_level)
		options.log_level = log_level_from_name(arguments->log_level);
	if (config_load(&options.config, path, &err) < 0 ||
	    service_new(&service, &options, &err) < 0) {
		log_error(log, "%s%s%s%s", error_words(&err),
			  err.cause ? " (" : "", err.cause ? err.cause : "",
			  err.cause ? ")" : "");
		return error_code_exit_status(err.code);
	}
	status = service_run(service);
	if (status != 0)
		_exit(status);
	service_free(service);
	return EXIT_SUCCESS;
}

static int start(const struct arguments *arguments, const char *path)
{
	struct log *log =
		log_new(STDERR_FILENO, NAME, LOG_LEVEL_INFO, logs_to_journal());
	int status;

	if (!log)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ,
	       SIG_IGN); /* a file past its limit is an error of write() */
	raise_limits();
	status = serve(arguments, path, log);
	log_free(log);
	return status;
}

static int act(poptContext popt, const struct arguments *arguments)
{
	const char *path = arguments->config ? arguments->config : CONFIG_PATH;

	if (arguments->help) {
		poptPrintHelp(popt, stdout, 0);
		return EXIT_SUCCESS;
	}
	if (arguments->version) {
		puts(NAME " " VIRTMUX_VERSION);
		return EXIT_SUCCESS;
	}
	if (arguments->print_manual)
		return print(manual_print);
	if (arguments->print_config)
		return print(config_print_sample);
	if (arguments->check_config)
		return check_config(path);
	return start(arguments, path);
}

int main(int argc, const char **argv)
{
	struct arguments arguments = {0};
	autoerror err = {0};
	poptContext popt = poptGetContext(NAME, argc, argv, table, 0);
	int status;

	poptSetOtherOptionHelp(popt, "[OPTION...]");
	if (parse(popt, &arguments, &err) < 0)
		status = complain(&err);
	else
		status = act(popt, &arguments);
	poptFreeContext(popt);
	arguments_free(&arguments);
	return status;
}
