/*
 * What is done with secrets on a worker (secret.h; verbs of verbs/secret.def). What
 * holds: a value goes one way, to libvirt; what held it here is wiped, and no error
 * tells of it.
 */
#include "daemon/virt/secret.h"

#include <libvirt/virterror.h>
#include <string.h>

#include "base/base64.h"
#include "base/secret.h"
#include "daemon/virt/error.h"
#include "daemon/virt/job.h"
#include "daemon/virt/xml_select.h"

static void cleanup_held(virSecretPtr *secret)
{
	if (*secret)
		virSecretFree(*secret);
}

#define autosecret cleanup(cleanup_held) virSecretPtr

static void free_secrets(void *data)
{
	struct virt_secrets *value = data;

	for (size_t i = 0; i < value->count; i++) {
		free(value->rows[i].usage_id);
		free(value->rows[i].description);
	}
	free(value->rows);
	free(value);
}

static struct virt_secrets *make_value(struct job *job, size_t count,
				       struct error *err)
{
	struct virt_secrets *value =
		reply_make(job->reply, sizeof(*value), free_secrets, err);

	if (!value)
		return NULL;
	value->rows = calloc(count + 1, sizeof(*value->rows));
	if (value->rows)
		return value;
	error_set_no_memory(err);
	return NULL;
}

/* The reply of an action: which secret it was. */
static int name_it(struct job *job, virSecretPtr secret, struct error *err)
{
	struct virt_secrets *value = make_value(job, 1, err);

	if (!value)
		return -1;
	value->count = 1;
	virSecretGetUUIDString(secret, value->rows[0].uuid);
	return 0;
}

static virSecretPtr find(struct job *job, struct error *err)
{
	virSecretPtr secret;

	job->kind = "secret";
	job->name = job->request->names[0];
	secret = virSecretLookupByUUIDString(job->conn, job->name);
	if (!secret && virGetLastErrorCode() == VIR_ERR_NO_SECRET)
		failure_no_such(err, "secret", job->name);
	else if (!secret)
		failure_set(job, err);
	return secret;
}

/* -- list ------------------------------------------------------------------ */

static const char *usage_name(int type)
{
	switch (type) {
	case VIR_SECRET_USAGE_TYPE_VOLUME:
		return "volume";
	case VIR_SECRET_USAGE_TYPE_CEPH:
		return "ceph";
	case VIR_SECRET_USAGE_TYPE_ISCSI:
		return "iscsi";
	case VIR_SECRET_USAGE_TYPE_TLS:
		return "tls";
	case VIR_SECRET_USAGE_TYPE_VTPM:
		return "vtpm";
	default:
		return "none";
	}
}

/* One that went away meanwhile is listed without its details. */
static int take_row(virSecretPtr secret, struct virt_secret *row,
		    struct error *err)
{
	enum { DESCRIPTION, EPHEMERAL, PRIVATE, TEXTS };
	static const char *const paths[TEXTS] = {
		"/secret/description",
		"/secret[@ephemeral='yes']/@ephemeral",
		"/secret[@private='yes']/@private",
	};
	autofree char *xml = virSecretGetXMLDesc(secret, 0);
	const char *usage = virSecretGetUsageID(secret);
	char *texts[TEXTS] = {NULL};

	virSecretGetUUIDString(secret, row->uuid);
	row->usage = usage_name(virSecretGetUsageType(secret));
	if (usage && *usage && !(row->usage_id = strdup(usage)))
		return error_set_no_memory(err);
	if (xml && xml_select(xml, paths, texts, TEXTS, err) < 0)
		return -1;
	row->description = texts[DESCRIPTION];
	row->ephemeral = texts[EPHEMERAL] != NULL;
	row->private = texts[PRIVATE] != NULL;
	free(texts[EPHEMERAL]);
	free(texts[PRIVATE]);
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct virt_secret *x = a, *y = b;

	return strcmp(x->uuid, y->uuid);
}

static int fill_list(struct job *job, virSecretPtr *secrets, size_t count,
		     struct error *err)
{
	struct virt_secrets *value = make_value(job, count, err);

	if (!value)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (take_row(secrets[i], &value->rows[value->count++], err) < 0)
			return -1;
	qsort(value->rows, value->count, sizeof(*value->rows), compare_rows);
	return 0;
}

int run_secret_list(struct job *job, struct error *err)
{
	virSecretPtr *secrets = NULL;
	int count, result;

	job->kind = "list of secrets";
	count = virConnectListAllSecrets(job->conn, &secrets, 0);
	if (count < 0)
		return failure_set(job, err);
	result = fill_list(job, secrets, (size_t)count, err);
	for (int i = 0; i < count; i++)
		virSecretFree(secrets[i]);
	free(secrets);
	return result;
}

/* -- changes --------------------------------------------------------------- */

int run_secret_define(struct job *job, struct error *err)
{
	unsigned flags = job->request->force ? VIR_SECRET_DEFINE_VALIDATE : 0;
	autosecret secret = NULL;
	virErrorPtr error;

	if (xml_admit(job->request->text, "secret", "the secret's XML", err) <
	    0)
		return -1;
	job->kind = "secret";
	job->own_xml = true;
	job->acting = true;
	secret = virSecretDefineXML(job->conn, job->request->text, flags);
	if (secret)
		return name_it(job, secret, err);
	error = virSaveLastError();
	if (error && error->message &&
	    strstr(error->message, "already defined")) {
		error_set(err, ERROR_EXISTS,
			  "the secret could not be defined: another one has "
			  "that UUID or is for the same use");
		error_set_cause(err, "%s", error->message);
	} else {
		failure_from(job, error, err);
	}
	virFreeError(error);
	return -1;
}

int run_secret_undefine(struct job *job, struct error *err)
{
	autosecret secret = find(job, err);

	if (!secret || name_it(job, secret, err) < 0)
		return -1;
	job->acting = true;
	return virSecretUndefine(secret) < 0 ? failure_set(job, err) : 0;
}

/* -- values ---------------------------------------------------------------- */

static void wipe(struct buf *bytes)
{
	if (bytes->len > 0)
		secret_wipe(buf_bytes(bytes), bytes->len);
	buf_free(bytes);
}

int run_secret_set_value(struct job *job, struct error *err)
{
	cleanup(wipe) struct buf bytes = {0};
	autosecret secret = NULL;

	if (base64_decode(job->request->text, &bytes) < 0 || bytes.len == 0)
		return buf_ok(&bytes)
			       ? error_set(
					 err, ERROR_INVALID_PARAMS,
					 "a secret's value is given in base64 "
					 "(RFC 4648), and is not empty")
			       : error_set_no_memory(err);
	secret = find(job, err);
	if (!secret || name_it(job, secret, err) < 0)
		return -1;
	job->acting = true;
	if (virSecretSetValue(secret, buf_bytes(&bytes), bytes.len, 0) < 0)
		return failure_set(job, err);
	return 0;
}
