/*
 * Finding an entry of the index by name or serial. Called by the commands.
 */
#include "pki/target.h"

#include <string.h>
#include <strings.h>

#include "pki/name.h"

bool target_is_serial(const struct index_entry *entry, const char *word)
{
	return strcasecmp(entry->serial, word) == 0;
}

static const struct index_entry *by_serial(const struct index *index,
					   const char *word)
{
	for (size_t i = 0; i < index->count; i++)
		if (target_is_serial(&index->entries[i], word))
			return &index->entries[i];
	return NULL;
}

/* A host as it is written in the index: lower case, an address in one form. */
static const struct index_entry *host(const struct index *index,
				      const char *word)
{
	struct san san;

	if (name_parse_host(word, &san, NULL) < 0)
		return NULL;
	return index_find_last(index, CERTIFICATE_HOST, san.text);
}

const struct index_entry *target_find(const struct index *index,
				      const char *word, struct error *err)
{
	const struct index_entry *found = by_serial(index, word);
	const struct index_entry *as_host, *as_user;

	if (found)
		return found;
	as_host = host(index, word);
	as_user = index_find_last(index, CERTIFICATE_USER, word);
	if (as_host && as_user) {
		error_set(err, ERROR_USAGE,
			  "'%s' is a host (serial %s) and a user (serial %s): "
			  "name one of them by its serial",
			  word, as_host->serial, as_user->serial);
		return NULL;
	}
	if (!as_host && !as_user)
		error_set(err, ERROR_NOT_FOUND,
			  "there is no host, user or serial '%s'. See "
			  "'virtmux-pki list'",
			  word);
	return as_host ? as_host : as_user;
}
