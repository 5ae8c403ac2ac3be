/*
 * Finds the host that a command means and completes its profile (profile.h):
 * the files say most, environment and command line the last. Whether a session
 * can serve is settled here: not when its address or identity were overridden.
 */
#include "client/connect/profile.h"

#include <string.h>

#include "base/file.h"
#include "client/connect/config.h"
#include "client/connect/key_pkcs11.h"

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	options_free(profile_options, profile_options_count, profile);
	free(profile->name);
	free(profile->file);
	free(profile);
}

/* Whether a name without a section can only be meant as an address. */
static bool looks_like_address(const char *name)
{
	return strchr(name, '.') || strchr(name, ':') ||
	       strcmp(name, "localhost") == 0;
}

static int unknown_host(const struct config *config, const char *name,
			struct error *err)
{
	size_t n = 0;
	const char *const *hosts = config_hosts(config, &n);
	const char *near = nearest_name(name, hosts, n);
	const char *file = config_user_file(config);
	size_t groups_count = 0;
	const char *const *groups = config_groups(config, &groups_count);

	for (size_t i = 0; i < groups_count; i++)
		if (strcmp(groups[i], name) == 0)
			return error_set(err, ERROR_CONFIG,
					 "no host '%s' is configured, but a "
					 "group is: '@%s'",
					 name, name);
	if (near)
		return error_set(err, ERROR_CONFIG,
				 "no host '%s' is configured; did you mean "
				 "'%s'?",
				 name, near);
	return error_set(err, ERROR_CONFIG,
			 "no host '%s' is configured: add a section [host %s] "
			 "with its address to %s, or give --address",
			 name, name, file);
}

static int no_host(const struct config *config, struct error *err)
{
	size_t n = 0;

	config_hosts(config, &n);
	if (n)
		return error_set(
			err, ERROR_CONFIG,
			"which host? %zu are configured: give -H NAME, "
			"or put host = NAME under [defaults] in %s",
			n, config_user_file(config));
	return error_set(err, ERROR_CONFIG,
			 "no host is configured: write [host NAME] with "
			 "address, ca, certificate and key to %s, or give -H "
			 "ADDRESS with --ca, --certificate and --key",
			 config_user_file(config));
}

static int check_request(const struct profile_request *request,
			 struct error *err)
{
	const char *host = request->host;

	if (!host || config_host_name_valid(host) ||
	    (host[0] == '[' && looks_like_address(host)))
		return 0;
	return error_set(err, ERROR_USAGE, "'%s' is not the name of one host",
			 host);
}

/* Replaces *MEMBER by a copy of VALUE, unless that is NULL. */
static int override_with(char **member, const char *value, bool *overridden,
			 struct error *err)
{
	char *copy = NULL;

	if (!value)
		return 0;
	if (value[0] == '\0')
		return error_set(err, ERROR_USAGE,
				 "an empty address or file name was given");
	copy = key_is_pkcs11(value) ? strdup(value) : file_expand_home(value);
	if (!copy)
		return error_set_no_memory(err);
	*overridden = *overridden || !*member || strcmp(*member, copy) != 0;
	free(*member);
	*member = copy;
	return 0;
}

static int override_all(struct profile *p,
			const struct profile_request *request,
			struct error *err)
{
	bool *o = &p->overridden;

	if (override_with(&p->address, request->address, o, err) < 0 ||
	    override_with(&p->ca, request->ca, o, err) < 0 ||
	    override_with(&p->certificate, request->certificate, o, err) < 0 ||
	    override_with(&p->key, request->key, o, err) < 0)
		return -1;
	if (!p->address)
		p->address = strdup(p->name);
	return p->address ? 0 : error_set_no_memory(err);
}

int profile_load(struct profile **profile,
		 const struct profile_request *request, struct error *err)
{
	autoptr(config) config = NULL;
	autoptr(profile) p = NULL;
	const char *name = request->host;

	if (check_request(request, err) < 0 ||
	    config_load(&config, request->config, CONFIG_SYSTEM_FILE, err) < 0)
		return -1;
	if (!name)
		name = config_default_host(config);
	if (!name)
		name = request->address;
	if (!name)
		return no_host(config, err);
	if (config_profile(config, name, &p, err) < 0)
		return -1;
	if (!p->known && !request->address && !looks_like_address(name))
		return unknown_host(config, name, err);
	if (override_all(p, request, err) < 0)
		return -1;
	*profile = steal(&p);
	return 0;
}
