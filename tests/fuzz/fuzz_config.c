/*
 * The two files of virtmuxd, and the addresses in one of them. Run by libFuzzer
 * over corpus/config; the first byte chooses virtmuxd.conf or access.conf. What
 * holds besides not crashing: a fault has words, a configuration that was taken
 * is within its ranges, and rights cover themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/core/config.h"
#include "daemon/rpc/access.h"

#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition))                                              \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_config(const char *text, size_t size)
{
	autoptr(config) config = NULL;
	autobuf names = {0};
	autoerror err = {0};
	struct conn_limits conn;
	struct rpc_limits rpc;

	if (config_parse(&config, text, size, "f", &err) < 0) {
		must(err.code == ERROR_CONFIG && err.words);
		return;
	}
	config_conn_limits(config, &conn);
	config_rpc_limits(config, &rpc);
	must(conn.h2.streams >= 1 && conn.grace_ms >= 1000);
	must(conn.h2.window_first <= conn.h2.window_most &&
	     conn.h2.window_most <= conn.h2.window_all);
	must(rpc.calls >= 1 && rpc.depth >= 4 && rpc.body >= 4096);
	must(config->daemon_listen[0] && *config->libvirt_uri);
	config_log_level(config);
	must(config_restart_needed(config, config, &names) == 0);
	must(names.len == 0);
}

static void try_access(const char *text, size_t size)
{
	static const char *const identities[] = {"anna", "team-a", "", "*"};
	autoptr(access) access = NULL;
	autoerror err = {0};

	if (access_parse(&access, text, size, "f", &err) < 0) {
		must(err.code == ERROR_CONFIG && err.words);
		return;
	}
	for (size_t i = 0; i < array_size(identities); i++) {
		const struct access_rule *rule =
			access_find(access, identities[i]);

		must(access_covers(rule, rule));
		for (int id = 0; id < METHODS; id++)
			access_check(rule, identities[i],
				     method_by_id((enum method_id)id), NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'a')
		try_access((const char *)data + 1, size - 1);
	else
		try_config((const char *)data + 1, size - 1);
	return 0;
}
