/*
 * What a request to migrate carries, from migrate_verbs.c to migrate.c. Owned by the
 * request.
 */
#ifndef VIRTMUX_VIRT_MIGRATE_PRIVATE_H
#define VIRTMUX_VIRT_MIGRATE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

enum migration_text {
	MIGRATION_URI,
	MIGRATION_MIGRATE_URI,
	MIGRATION_LISTEN,
	MIGRATION_NAME,
	MIGRATION_XML,
	MIGRATION_PERSISTENT_XML,
	MIGRATION_TEXTS,
};

struct migration {
	char *texts[MIGRATION_TEXTS]; /* NULL: not given */
	char **disks;                 /* disks_count of them */
	size_t disks_count;
	uint64_t bandwidth;
	unsigned parallel;
};

#endif
