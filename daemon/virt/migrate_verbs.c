/*
 * The verbs of migrate.h: each makes a request of copies and submits it. Called on
 * the caller's thread; nothing here blocks.
 */
#include "daemon/virt/migrate.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/virt/internal.h"
#include "daemon/virt/migrate_private.h"
#include "daemon/virt/request.h"

static void migration_free(void *data)
{
	struct migration *m = data;

	for (size_t i = 0; i < array_size(m->texts); i++)
		free(m->texts[i]);
	for (size_t i = 0; m->disks && i < m->disks_count; i++)
		free(m->disks[i]);
	free(m->disks);
	free(m);
}

static bool copy_texts(struct migration *m, const struct virt_migration *how)
{
	const char *const texts[MIGRATION_TEXTS] = {
		[MIGRATION_URI] = how->uri,
		[MIGRATION_MIGRATE_URI] = how->migrate_uri,
		[MIGRATION_LISTEN] = how->listen_address,
		[MIGRATION_NAME] = how->name,
		[MIGRATION_XML] = how->xml,
		[MIGRATION_PERSISTENT_XML] = how->persistent_xml,
	};

	for (size_t i = 0; i < MIGRATION_TEXTS; i++) {
		m->texts[i] = texts[i] ? strdup(texts[i]) : NULL;
		if (texts[i] && !m->texts[i])
			return false;
	}
	return true;
}

static bool copy_disks(struct migration *m, const struct virt_migration *how)
{
	m->disks = calloc(how->disks_count + 1, sizeof(*m->disks));
	if (!m->disks)
		return false;
	for (; m->disks_count < how->disks_count; m->disks_count++) {
		m->disks[m->disks_count] = strdup(how->disks[m->disks_count]);
		if (!m->disks[m->disks_count])
			return false;
	}
	return true;
}

int virt_domain_migrate(struct virt *v, const struct virt_domain_ref *ref,
			const struct virt_migration *how, struct virt_done done,
			struct error *err)
{
	autoptr(request) request = request_new(VERB_MIGRATE, ref->name_or_uuid,
					       ref->scope, done, err);
	struct migration *m;

	if (!request)
		return -1;
	m = calloc(1, sizeof(*m));
	if (!m)
		return error_set_no_memory(err);
	request->data = m;
	request->data_free = migration_free;
	request->flags = how->flags;
	m->bandwidth = how->bandwidth;
	m->parallel = how->parallel;
	if (!copy_texts(m, how) || !copy_disks(m, how))
		return error_set_no_memory(err);
	return virt_submit(v, steal(&request), err);
}

static int simple(struct virt *v, enum verb_id id,
		  const struct virt_domain_ref *ref, uint64_t number,
		  struct virt_done done, struct error *err)
{
	struct request *request =
		request_new(id, ref->name_or_uuid, ref->scope, done, err);

	if (request)
		request->numbers[0] = number;
	return virt_submit(v, request, err);
}

int virt_domain_migrate_speed(struct virt *v, const struct virt_domain_ref *ref,
			      struct virt_done done, struct error *err)
{
	return simple(v, VERB_MIGRATE_SPEED, ref, 0, done, err);
}

int virt_domain_migrate_downtime(struct virt *v,
				 const struct virt_domain_ref *ref,
				 struct virt_done done, struct error *err)
{
	return simple(v, VERB_MIGRATE_DOWNTIME, ref, 0, done, err);
}

int virt_domain_migrate_set_speed(struct virt *v,
				  const struct virt_domain_ref *ref,
				  uint64_t mib, struct virt_done done,
				  struct error *err)
{
	return simple(v, VERB_MIGRATE_SET_SPEED, ref, mib, done, err);
}

int virt_domain_migrate_set_downtime(struct virt *v,
				     const struct virt_domain_ref *ref,
				     uint64_t ms, struct virt_done done,
				     struct error *err)
{
	return simple(v, VERB_MIGRATE_SET_DOWNTIME, ref, ms, done, err);
}

int virt_domain_migrate_postcopy(struct virt *v,
				 const struct virt_domain_ref *ref,
				 struct virt_done done, struct error *err)
{
	return simple(v, VERB_MIGRATE_POSTCOPY, ref, 0, done, err);
}
