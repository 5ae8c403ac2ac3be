/*
 * What may stand where a command line ends: verbs, options, choices, hosts, groups,
 * methods and their parameters from the tables, and names of what there is on the host
 * from its session, where one is open. Used by `virtmux __complete`, which the shells
 * call, and by `virtmux shell`.
 *
 * What always holds: nothing is asked of a person, no session is begun and no
 * connection to a host made; where names do not come in COMPLETE_MS there are none. A
 * name with control characters is not offered. One thread.
 */
#ifndef VIRTMUX_CLIENT_COMPLETE_H
#define VIRTMUX_CLIENT_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "client/command.h"

#define COMPLETE_WORD  "__complete" /* instead of a verb */
#define COMPLETE_MS    1000  /* for all sessions to answer, milliseconds */
#define COMPLETE_PART  4     /* of COMPLETE_MS, for one of several */
#define COMPLETE_HOSTS 64    /* whose names are asked for at most */
#define COMPLETE_MAX   32768 /* candidates */

struct candidate {
	char *text; /* the whole last word */
	char *note; /* what it is, in a few words; may be NULL */
	bool open;  /* something follows in the same word: "--host=" */
};

struct candidates {
	struct candidate *list;
	size_t n;
	size_t room;     /* for so many */
	bool files;      /* names of files, which the shell knows better */
	size_t files_at; /* bytes of the last word before the file's name */
};

/*
 * For the WORDS (N of them, without "virtmux"), the last of which is the one that is
 * not finished and may be empty. What cannot be found out is left out. Each candidate
 * once, in the order of the tables and of the hosts' answers.
 */
void complete_words(struct candidates *to, const char *const *words, size_t n);
/* One more, of the whole word; without memory it is missing. */
void candidates_add(struct candidates *to, const char *text, const char *note,
		    bool open);
void candidates_clear(struct candidates *c);

#define autocandidates cleanup(candidates_clear) struct candidates

/*
 * `virtmux __complete bash LINE BREAKS | zsh WORD... | fish WORD...`, the words behind
 * "__complete": prints the candidates as that shell's file of etc/completion reads
 * them. The exit status.
 */
int complete_main(const char *const *words, size_t n);

#endif
