/*
 * Looks where libvirt looks (libvirt_pki.h).
 */
#include "client/connect/libvirt_pki.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "client/connect/profile.h"

#define USER_FOLDER "~/.pki/libvirt"

/* "FOLDER/NAME", to free(); NULL where it cannot be read. */
static char *readable(const char *folder, const char *name)
{
	autofree char *whole = file_expand_home(folder);
	autofree char *path = whole ? file_join(whole, name) : NULL;

	return path && access(path, R_OK) == 0 ? steal(&path) : NULL;
}

static bool find_pair(struct libvirt_pki *pki, const char *folder,
		      const char *certificate, const char *key)
{
	pki->certificate = readable(folder, certificate);
	pki->key = readable(folder, key);
	if (pki->certificate && pki->key)
		return true;
	free(steal(&pki->certificate));
	free(steal(&pki->key));
	return false;
}

bool libvirt_pki_find(struct libvirt_pki *pki, const char *system)
{
	*pki = (struct libvirt_pki){0};
	if (!find_pair(pki, USER_FOLDER, "clientcert.pem", "clientkey.pem") &&
	    !find_pair(pki, system, "libvirt/clientcert.pem",
		       "libvirt/private/clientkey.pem"))
		return false;
	pki->ca = readable(USER_FOLDER, "cacert.pem");
	if (!pki->ca)
		pki->ca = readable(system, "CA/cacert.pem");
	if (!pki->ca)
		libvirt_pki_clear(pki);
	return pki->ca != NULL;
}

void libvirt_pki_clear(struct libvirt_pki *pki)
{
	free(steal(&pki->ca));
	free(steal(&pki->certificate));
	free(steal(&pki->key));
}

void libvirt_pki_hint(struct buf *out, const struct profile *profile)
{
	struct libvirt_pki pki;

	if (!libvirt_pki_find(&pki, LIBVIRT_PKI_SYSTEM))
		return;
	buf_appendf(out,
		    "libvirt's own certificate %s could serve as well, where "
		    "the host has identity = cn: virtmux host add %s %s%s "
		    "--ca=%s --certificate=%s --key=%s",
		    pki.certificate, profile->name,
		    profile->address ? profile->address : profile->name,
		    profile->known ? " --force" : "", pki.ca, pki.certificate,
		    pki.key);
	libvirt_pki_clear(&pki);
}
