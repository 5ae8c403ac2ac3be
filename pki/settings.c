/*
 * Options and environment as the commands want them. Called by the commands.
 * What always holds: an option given wins over the environment, and two options
 * that contradict each other are an error.
 */
#include "pki/settings.h"

#include <limits.h>
#include <stdlib.h>

#include "base/file.h"

static char *folder_from_environment(void)
{
	const char *dir = getenv("VIRTMUX_PKI");
	const char *data = getenv("XDG_DATA_HOME");

	if (dir && *dir)
		return file_expand_home(dir);
	/* The XDG specification: a relative path is to be ignored. */
	if (data && *data == '/')
		return file_join(data, "virtmux-pki");
	return file_expand_home("~/.local/share/virtmux-pki");
}

struct store *settings_open_store(const struct arguments *arguments,
				  struct error *err)
{
	return settings_open_named_store(arguments, NULL, err);
}

struct store *settings_open_named_store(const struct arguments *arguments,
					const char *named, struct error *err)
{
	const char *given =
		named ? named : arguments_value(arguments, ARGUMENT_DIR);
	autofree char *dir =
		given ? file_expand_home(given) : folder_from_environment();

	if (!dir) {
		error_set_no_memory(err);
		return NULL;
	}
	if (*dir == '~') {
		error_set(err, ERROR_USAGE,
			  "HOME is not set: name the folder of the authority "
			  "with --dir or VIRTMUX_PKI");
		return NULL;
	}
	return store_open(dir, err);
}

static int passphrase(const struct arguments *arguments, enum argument_id fd_id,
		      enum argument_id file_id,
		      struct passphrase_source *source, struct error *err)
{
	long fd = -1;

	if (arguments_given(arguments, fd_id) &&
	    arguments_given(arguments, file_id))
		return error_set(err, ERROR_USAGE,
				 "%s-fd and %s-file contradict each other: "
				 "give one of them",
				 source->option, source->option);
	if (arguments_number(arguments, fd_id, 0, INT_MAX, &fd, err) < 0)
		return -1;
	source->fd = (int)fd;
	source->file = arguments_value(arguments, file_id);
	source->batch = arguments_given(arguments, ARGUMENT_BATCH);
	return 0;
}

int settings_ca_passphrase(const struct arguments *arguments,
			   struct passphrase_source *source, struct error *err)
{
	*source = (struct passphrase_source){
		.of = "the CA key",
		.option = "--ca-passphrase",
	};
	return passphrase(arguments, ARGUMENT_CA_PASSPHRASE_FD,
			  ARGUMENT_CA_PASSPHRASE_FILE, source, err);
}

int settings_user_passphrase(const struct arguments *arguments,
			     struct passphrase_source *source,
			     struct error *err)
{
	*source = (struct passphrase_source){
		.of = "the user's key",
		.option = "--passphrase",
	};
	return passphrase(arguments, ARGUMENT_PASSPHRASE_FD,
			  ARGUMENT_PASSPHRASE_FILE, source, err);
}

int settings_p12_passphrase(const struct arguments *arguments,
			    struct passphrase_source *source, struct error *err)
{
	*source = (struct passphrase_source){
		.of = "the PKCS#12 file",
		.option = "--p12-passphrase",
	};
	return passphrase(arguments, ARGUMENT_P12_PASSPHRASE_FD,
			  ARGUMENT_P12_PASSPHRASE_FILE, source, err);
}

int settings_key_type(const struct arguments *arguments, enum key_type *type,
		      struct error *err)
{
	const char *name = arguments_value(arguments, ARGUMENT_KEY_TYPE);

	*type = KEY_P256;
	return name ? key_type_from_name(name, type, err) : 0;
}

int settings_days(const struct arguments *arguments, long *days,
		  struct error *err)
{
	*days = 0;
	return arguments_number(arguments, ARGUMENT_DAYS, 1, DAYS_MAX, days,
				err);
}
