/*
 * What the files of the verb `doctor` share: the walk with its findings, one for
 * each step (and each address). Nobody else includes it.
 *
 * What always holds: findings stand in the order of doctor.def; each is told once,
 * as soon as it and all before it are settled; the first failure gives the exit
 * status.
 */
#ifndef VIRTMUX_CLIENT_DOCTOR_PRIVATE_H
#define VIRTMUX_CLIENT_DOCTOR_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/output.h"
#include "wire/tls_look.h"

struct channel;
struct command_call;
struct profile;

#define DOCTOR_NEAR_END_S  OUTPUT_NEAR_END_S /* of a certificate: a warning */
#define DOCTOR_CLOCKS_S    60                /* apart: a warning */
#define DOCTOR_DOMAINS_MAX 500               /* whose displays are looked at */
#define DOCTOR_NAMED_MAX   5                 /* of these, named in a finding */

enum doctor_step {
#define DOCTOR_STEP(id, name, title) DOCTOR_##id,
#include "client/doctor.def"
#undef DOCTOR_STEP
	DOCTOR_STEPS
};

enum doctor_result {
	DOCTOR_OK,
	DOCTOR_WARNING,
	DOCTOR_FAILED,
	DOCTOR_NOT_TRIED, /* since one before it failed */
	DOCTOR_OPEN,      /* may become another; holds back what follows */
};

struct doctor_finding {
	enum doctor_step step;
	enum doctor_result result;
	enum error_code code; /* of a failure */
	char *text;           /* sentences; NULL: nothing to say */
};

struct doctor {
	struct command_call *call;
	struct output *output;
	const struct profile *profile; /* NULL: no configuration */
	struct evp_pkey_st *key;       /* NULL: none to be had */
	struct tls_certificate own;
	bool has_own; /* `own` is set: the user's certificate is readable */
	bool has_ca;  /* ca= is good */
	struct channel *channel; /* NULL: the host was not reached */
	struct doctor_finding *findings;
	size_t count;
	size_t told;           /* findings that were printed */
	enum error_code first; /* of the first failure, or ERROR_NONE */
	bool failed;           /* memory ran out */
};

/* -- doctor_show.c --------------------------------------------------------- */

/* Adds a finding and tells what is settled. */
void doctor_add(struct doctor *d, enum doctor_step step,
		enum doctor_result result, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* A failure with the words of WHY. */
void doctor_fail(struct doctor *d, enum doctor_step step,
		 const struct error *why);
/* The steps FROM to TO as not tried. */
void doctor_skip(struct doctor *d, enum doctor_step from, enum doctor_step to);
/* Settles the finding that stands OPEN, if there is one; WHY: of a failure. */
void doctor_settle(struct doctor *d, enum doctor_result result,
		   const struct error *why);
bool doctor_is_open(const struct doctor *d);

/* Everything at once where results are not for people. */
int doctor_end(struct doctor *d, struct error *err);

/* -- the walk -------------------------------------------------------------- */

/* doctor_own.c: this side's files. ERROR_INTERRUPTED at the prompt alone. */
int doctor_walk_own(struct doctor *d, struct error *err);

/* " until 2027-11-21", and whether it is near; for certificates of all kinds. */
enum doctor_result doctor_until(int64_t not_after, struct buf *text);

/* doctor_reach.c: name to verdict; sets d->channel. */
int doctor_walk_reach(struct doctor *d, struct error *err);

/* doctor_host.c: what the host says, once it is reached. */
int doctor_walk_host(struct doctor *d, struct error *err);

#endif
