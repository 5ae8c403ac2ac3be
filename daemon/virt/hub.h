/*
 * A serial line's hub: one guest's end (far.h), what the guest wrote last
 * (history.h), any number of consoles that get the same bytes, and at most one of
 * them that writes. A console is one end of a socket pair; the caller has the other.
 *
 * Back-pressure: the line is read no faster than its consoles take it, the history
 * being what they may be behind. One that has taken nothing for
 * VIRT_HUB_STALL_MS while others do no longer counts, and is ended once it has
 * fallen out of the history. With no console the line is always read.
 *
 * Thread: any, with yard->lock held; callbacks come on libvirt's event thread, and
 * what is freed is freed there.
 */
#ifndef VIRTMUX_VIRT_HUB_H
#define VIRTMUX_VIRT_HUB_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/log.h"
#include "daemon/virt/events.h"
#include "daemon/virt/history.h"
#include "daemon/virt/ring.h"
#include "daemon/virt/virt.h"

struct far;
struct console;

/* What all hubs share: the lock, and what waits to be freed. */
struct hub_yard {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a hub's `opening` or `far` */
	struct events *events;  /* borrowed */
	struct log *log;        /* borrowed */
	bool detaches;          /* a line that nobody uses is let go */
	uint64_t down_ns; /* when libvirt was lost last, monotonic; 0: never */
	size_t consoles;  /* on all hubs */
	size_t hubs;
	struct list dead_consoles, dead_fars, dead_hubs;
	struct events_task task;
	bool queued;
};

/* What is known of one who writes, or has written. */
struct hub_writer {
	char token[VIRT_TOKEN_SIZE]; /* "": nobody */
	uint64_t taken;              /* bytes of his that the line has taken */
	uint64_t used;               /* the greater, the later */
};

struct hub {
	struct list node; /* of the registry's list, later of dead_hubs */
	struct hub_yard *yard;
	char *name; /* of the domain */
	char uuid[VIRT_UUID_SIZE];
	unsigned index;
	int run; /* libvirt's id of the running domain */
	char id[VIRT_LINE_SIZE];
	bool opening; /* the registry's: a thread opens its far end */
	bool over;    /* the run has ended; consoles get the rest */
	bool known;   /* it was attached once: its id was told */
	bool used;    /* it was attached for a console, which has come */
	bool told;    /* that its line was lost */

	struct far *far;     /* NULL: not attached */
	bool far_gone;       /* no event will come from it */
	bool far_ended;      /* it gives nothing more */
	bool leaving;        /* far_finish() was asked for */
	bool reads, writes;  /* what far was asked for */
	const char *stopped; /* why the guest has stopped; NULL: not known */
	uint64_t settle_ns;  /* until when it must be known; 0: no matter */
	uint64_t rest_ns;    /* not read before */

	struct history history;
	struct ring input;
	struct list consoles;
	size_t count;
	struct console *writer; /* NULL: nobody */
	struct hub_writer writers[VIRT_HUB_WRITERS];
	struct hub_writer *record; /* of `writer`, where it has a token */
	uint64_t uses;             /* of writers */

	int timer;
	uint64_t timer_ns; /* 0: it rests */
};

int hub_yard_init(struct hub_yard *yard, struct events *events,
		  struct log *log);

/* After the event thread has ended: frees what is left. */
void hub_yard_destroy(struct hub_yard *yard);

/* A hub without a far end, in LIST. ERROR_BUSY, ERROR_NO_MEMORY. */
struct hub *hub_new(struct hub_yard *yard, struct list *list,
		    const struct virt_reply *domain, unsigned index, int run,
		    struct error *err);

/* FAR is taken. In place of another one the same run goes on. */
void hub_attach(struct hub *hub, struct far *far);

/*
 * One more console. OUT: of the reply, all zero; its parts are the caller's.
 * ERROR_BUSY: somebody else writes, or a limit; ERROR_SYSTEM, ERROR_NO_MEMORY.
 */
int hub_join(struct hub *hub, const struct virt_serial_ask *ask,
	     struct virt_serial *out, struct error *err);

/* libvirt says that the run has ended, WHY (constant). */
void hub_stopped(struct hub *hub, const char *why);

/* Ends it: consoles get the rest and then the reason. HUB may be gone. */
void hub_end(struct hub *hub, enum error_code code, const char *words);

/* Moves what can be moved; none blocks. HUB may be gone. */
void hub_run(struct hub *hub);

/* -- between hub.c and hub_console.c ---------------------------------------- */

struct console {
	struct list node; /* of the hub, later of dead_consoles */
	struct hub *hub;  /* NULL: dead */
	struct hub_yard *yard;
	struct virt_console *end;
	int fd;
	int watch;         /* -1: none */
	int events;        /* that it waits for */
	bool closed;       /* the caller's end is closed, both ways */
	bool eof;          /* the caller gives nothing more */
	uint64_t close_ns; /* closed: until when the rest is read */
	uint64_t at;       /* offset of the next byte for it */
	uint64_t until;    /* it is let go there; UINT64_MAX: it stays */
	uint64_t stuck_ns; /* since when it takes nothing; 0: it does */
	char token[VIRT_TOKEN_SIZE];
	char *who;  /* "alice" */
	char *from; /* "192.0.2.1:50123" */
	int64_t since_us;
};

/* Its reason, unless it has one; it gets what the line has given so far. */
void console_leave(struct console *c, enum error_code code, const char *words);

/* Now, with its reason if it has one. C is dead. */
void console_close(struct console *c);

/* Reads what the writer has sent, as far as the line takes it. */
void hub_take_input(struct hub *hub);

void hub_yard_post(struct hub_yard *yard);

/* The other end of a reason (virt.h). */
struct virt_console *virt_console_new(void);
void virt_console_set(struct virt_console *end, enum error_code code,
		      const char *words);

#endif
