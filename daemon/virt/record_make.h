/*
 * Making flat records (record.h): for the workers of this room alone.
 */
#ifndef VIRTMUX_VIRT_RECORD_MAKE_H
#define VIRTMUX_VIRT_RECORD_MAKE_H

#include <libvirt/libvirt.h>

#include "daemon/virt/job.h"
#include "daemon/virt/record.h"

/* A list with room for N records, all empty; NULL without memory. */
struct virt_records *records_new(size_t n);

/* Appends a value whose name is FORMAT; 0, or -1 with ERROR_NO_MEMORY. */
__attribute__((format(printf, 4, 5))) int
record_number(struct virt_record *record, uint64_t value, struct error *err,
	      const char *format, ...);
/* TEXT is copied; NULL: nothing is appended. */
__attribute__((format(printf, 4, 5))) int
record_text(struct virt_record *record, const char *text, struct error *err,
	    const char *format, ...);

/* Appends N typed parameters; negative numbers and fractions are left out. */
int record_parameters(struct virt_record *record, const virTypedParameter *p,
		      int n, struct error *err);

/*
 * Makes RECORDS (taken in any case) the job's reply. Where the job is about one
 * domain, the first record gets its name and UUID. ERROR_NO_MEMORY.
 */
int records_reply(struct job *job, struct virt_records *records,
		  struct error *err);

#endif
