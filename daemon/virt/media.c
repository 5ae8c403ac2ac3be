/*
 * Finding a medium (media.h). What holds: one who may not name paths gets the
 * same words for a volume that does not exist, for one that is no medium, and for
 * one that a domain has which he may not know of.
 */
#include "daemon/virt/media.h"

#include <libvirt/virterror.h>
#include <string.h>
#include <sys/stat.h>

#include "base/glob.h"
#include "daemon/virt/device.h"
#include "daemon/virt/error.h"
#include "daemon/virt/xml_select.h"

static void cleanup_pool(virStoragePoolPtr *pool)
{
	if (*pool)
		virStoragePoolFree(*pool);
}

static void cleanup_volume(virStorageVolPtr *volume)
{
	if (*volume)
		virStorageVolFree(*volume);
}

void media_clear(struct media *media)
{
	free(media->path);
}

static bool is_safe(const struct job *job)
{
	return job->request->flags & VIRT_AFFECT_SAFE;
}

static int no_medium(const struct job *job, struct error *err)
{
	return error_set(err, ERROR_NOT_FOUND,
			 "there is no volume '%s' in a pool '%s' that may be "
			 "put into a drive",
			 job->request->names[2], job->request->names[1]);
}

/* Whether any other domain has the volume; ALL: also those in scope. */
static int in_use(struct job *job, const char *path, bool all, bool *used,
		  struct error *err)
{
	virDomainPtr *domains = NULL;
	const struct request *r = job->request;
	int n = virConnectListAllDomains(job->conn, &domains, 0);

	if (n < 0)
		return failure_set(job, err);
	for (int i = 0; i < n; i++) {
		const char *name = virDomainGetName(domains[i]);
		bool ours = all ? strcmp(name, job->reply->domain.name) == 0
				: !r->scope || glob_match_any(r->scope, name);
		autofree char *live =
			ours ? NULL : virDomainGetXMLDesc(domains[i], 0);
		autofree char *defined =
			ours ? NULL
			     : virDomainGetXMLDesc(domains[i],
						   VIR_DOMAIN_XML_INACTIVE);

		if ((live &&
		     xml_device_uses(live, path, r->names[1], r->names[2])) ||
		    (defined &&
		     xml_device_uses(defined, path, r->names[1], r->names[2])))
			*used = true;
		virDomainFree(domains[i]);
	}
	free(domains);
	return 0;
}

static bool is_iso(virStorageVolPtr volume)
{
	static const char *const paths[] = {
		"string(/volume/target/format/@type)"};
	autofree char *xml = virStorageVolGetXMLDesc(volume, 0);
	char *format[1] = {NULL};
	bool iso = xml && xml_select(xml, paths, format, 1, NULL) == 0 &&
		   format[0] && strcmp(format[0], "iso") == 0;

	free(format[0]);
	return iso;
}

/* ERROR_NOT_FOUND where it is not for one who may not name paths. */
static int check_safe(struct job *job, enum xml_drive drive,
		      virStorageVolPtr volume, const virStorageVolInfo *info,
		      const char *path, struct error *err)
{
	bool floppy = drive == XML_DRIVE_FLOPPY;
	bool used = false;

	if (floppy ? info->capacity > VIRT_FLOPPY_MAX : !is_iso(volume))
		return no_medium(job, err);
	if (in_use(job, path, floppy, &used, err) < 0)
		return -1;
	return used ? no_medium(job, err) : 0;
}

static int take_volume(struct job *job, enum xml_drive drive,
		       virStorageVolPtr volume, struct media *media,
		       struct error *err)
{
	virStorageVolInfo info;

	if (virStorageVolGetInfo(volume, &info) < 0)
		return failure_set(job, err);
	media->path = virStorageVolGetPath(volume);
	if (!media->path)
		return failure_set(job, err);
	media->block = info.type == VIR_STORAGE_VOL_BLOCK;
	if (!media->block && info.type != VIR_STORAGE_VOL_FILE)
		return is_safe(job)
			       ? no_medium(job, err)
			       : error_set(err, ERROR_UNSUPPORTED,
					   "volume '%s' is neither a file nor "
					   "a block device",
					   job->request->names[2]);
	return is_safe(job)
		       ? check_safe(job, drive, volume, &info, media->path, err)
		       : 0;
}

/* A look-up of a pool or a volume has failed. */
static int no_such(struct job *job, const char *kind, const char *name,
		   struct error *err)
{
	int code = virGetLastErrorCode();

	if (code != VIR_ERR_NO_STORAGE_POOL && code != VIR_ERR_NO_STORAGE_VOL &&
	    !(is_safe(job) && code == VIR_ERR_OPERATION_INVALID))
		return failure_set(job, err);
	return is_safe(job) ? no_medium(job, err)
			    : failure_no_such(err, kind, name);
}

static int find_volume(struct job *job, enum xml_drive drive,
		       struct media *media, struct error *err)
{
	const char *pool_name = job->request->names[1];
	const char *name = job->request->names[2];
	cleanup(cleanup_pool) virStoragePoolPtr pool =
		virStoragePoolLookupByName(job->conn, pool_name);
	cleanup(cleanup_volume) virStorageVolPtr volume = NULL;

	if (!pool)
		return no_such(job, "storage pool", pool_name, err);
	volume = virStorageVolLookupByName(pool, name);
	if (!volume)
		return no_such(job, "volume", name, err);
	return take_volume(job, drive, volume, media, err);
}

int media_find(struct job *job, enum xml_drive drive, struct media *media,
	       struct error *err)
{
	const char *path = job->request->text;
	struct stat st;

	if (!path)
		return find_volume(job, drive, media, err);
	if (is_safe(job))
		return error_set(err, ERROR_DENIED,
				 "a path of the host needs the role admin");
	media->path = strdup(path);
	if (!media->path)
		return error_set_no_memory(err);
	media->block = stat(path, &st) == 0 && S_ISBLK(st.st_mode);
	return 0;
}
