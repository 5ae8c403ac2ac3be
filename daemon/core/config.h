/*
 * virtmuxd.conf in C: a struct with a member for each option, and what follows
 * from it for the other rooms. Read at start and at each reload, never changed
 * in between. Errors name file and line. Any thread.
 */
#ifndef VIRTMUX_DAEMON_CORE_CONFIG_H
#define VIRTMUX_DAEMON_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/rpc/rpc.h"
#include "wire/conn.h"
#include "wire/tls.h"

#define CONFIG_PATH "/etc/virtmux/virtmuxd.conf"

/* Members are SECTION_ID of options.def, owned by the struct. */
struct config {
#define config_STRING   char *
#define config_PATH     char *
#define config_NUMBER   int64_t
#define config_BYTES    int64_t
#define config_DURATION int64_t
#define config_CHOICE   int64_t
#define config_LIST     char **
#define OPTION(section, id, name, type, fallback, range, change, doc)          \
	config_##type section##_##id;
#include "daemon/core/options.def"
#undef config_STRING
#undef config_PATH
#undef config_NUMBER
#undef config_BYTES
#undef config_DURATION
#undef config_CHOICE
#undef config_LIST
};

/*
 * Reads PATH over the defaults into a new struct. ERROR_CONFIG with file, line
 * and the cure; those of file_read().
 */
int config_load(struct config **config, const char *path, struct error *err);
/* The same from text; FILE is for messages. */
int config_parse(struct config **config, const char *text, size_t len,
		 const char *file, struct error *err);
void config_free(struct config *config); /* NULL-safe */

DEFINE_CLEANUP(config, config_free);

/*
 * The names of options that differ between the two and need a restart, appended
 * as "[daemon] listen, …"; nothing where there are none. 0, or -1 without memory.
 */
int config_restart_needed(const struct config *before,
			  const struct config *after, struct buf *names);

/* What the other rooms take. */
enum log_level config_log_level(const struct config *config);
void config_conn_limits(const struct config *config,
			struct conn_limits *limits);
void config_rpc_limits(const struct config *config, struct rpc_limits *limits);

/*
 * The TLS context of these files. ERROR_KEY, ERROR_TLS, ERROR_NOT_FOUND,
 * ERROR_SYSTEM: the words name the option's file and the cure.
 */
int config_tls_context(const struct config *config,
		       struct tls_context **context, struct error *err);

/* The options as man(7) source, section by section. 0, or -1 without memory. */
int config_describe_roff(struct buf *out);

/* A whole file with every option as a comment: etc/virtmuxd.conf. As above. */
int config_print_sample(struct buf *out);

#endif
