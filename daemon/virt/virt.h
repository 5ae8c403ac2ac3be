/*
 * The room's only public header: libvirt behind values and descriptors. A
 * caller submits a request on its own thread; a worker of this room blocks on
 * libvirt; the reply comes back on the caller's thread, from virt_dispatch().
 * No libvirt type crosses, so that virt can become a process of its own.
 *
 * Thread: one thread (the caller's loop) makes all calls on a struct virt.
 * Strings and lists given to a verb are copied before it returns. There is one
 * struct virt in a process at a time: libvirt's event loop is the process's.
 */
#ifndef VIRTMUX_VIRT_VIRT_H
#define VIRTMUX_VIRT_VIRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/virt/limits.h"

struct rows;
struct virt;

/* Zero in a number means the value in limits.h. */
struct virt_config {
	const char *uri;        /* libvirt connection URI; copied */
	unsigned quick_workers; /* threads for lookups, lists, info, XML */
	unsigned slow_workers;  /* threads for start, destroy, screenshot… */
	unsigned long_workers;  /* threads for save, migrate, wipe… */
	unsigned queue_limit;   /* requests that wait, for each lane */
	unsigned retry_ms;      /* between attempts to connect; at most 500 */
	bool attach_on_use;     /* serial lines: not when the guest starts */
};

/*
 * A domain as the caller names it. A string of a UUID's form is looked up as a
 * UUID first, then as a name. SCOPE: NULL-terminated globs (base/glob.h) of the
 * domain names that the caller may know of; NULL: every domain. A domain
 * outside of SCOPE gives the same ERROR_NOT_FOUND, with the same words, as one
 * that does not exist. The request acts on the very object that was looked up.
 */
struct virt_domain_ref {
	const char *name_or_uuid;
	char *const *scope;
};

#define VIRT_UUID_SIZE 37 /* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and NUL */

/* virDomainState, same order. */
enum virt_state {
	VIRT_STATE_NONE,
	VIRT_STATE_RUNNING,
	VIRT_STATE_BLOCKED,
	VIRT_STATE_PAUSED,
	VIRT_STATE_IN_SHUTDOWN,
	VIRT_STATE_SHUT_OFF,
	VIRT_STATE_CRASHED,
	VIRT_STATE_SUSPENDED,
};

/* One row of a list. Strings owned by the row, but for reason (constant). */
struct virt_domain {
	char uuid[VIRT_UUID_SIZE];
	char *name;
	char *title; /* NULL: it has none */
	int id;      /* -1: not active */
	enum virt_state state;
	const char *reason;  /* "booted", "user", …, "unknown"; never NULL */
	unsigned vcpus;      /* current */
	uint64_t memory_kib; /* current (balloon) */
	uint64_t max_memory_kib; /* at most */
	bool persistent;
	bool autostart;
};

/* A display as the XML tells, live where the domain runs. Strings owned. */
struct virt_display {
	char *type;   /* "vnc", "spice", "sdl", …; never NULL */
	char *listen; /* "none", "socket", "address", "network"; never NULL */
	char *address;
	char *socket;
	unsigned port; /* 0: none, or not yet known */
	unsigned tls_port;
};

/* A serial line, in the order that virt_domain_open_serial() counts. */
struct virt_line {
	bool console; /* of a <console>, else of a <serial> */
	char *type;   /* "pty", "unix", …; never NULL */
	char *target; /* "isa-serial", "virtio", … */
	char *alias;  /* "serial0" */
};

/* Displays and serial lines: lists owned. */
struct virt_consoles {
	struct virt_display *displays;
	size_t displays_count;
	struct virt_line *lines;
	size_t lines_count;
};

/* What virsh dominfo shows. Strings owned; NULL: libvirt does not tell. */
struct virt_domain_info {
	struct virt_domain domain;
	uint64_t cpu_time_ns; /* 0 when not active */
	char *os_type;
	bool managed_save;
	char *security_model;
	char *security_doi;
	char *security_label; /* NULL when not active */
	bool security_enforcing;
	char **messages; /* NULL-terminated; tainted, deprecated…; or NULL */
	struct virt_consoles consoles;
};

struct virt_host_info {
	char *hostname;
	char *model;              /* CPU model as libvirt names it: "x86_64" */
	uint64_t memory_kib;      /* of the host */
	uint64_t free_memory_kib; /* 0: the driver does not tell */
	unsigned cpus;            /* active */
	unsigned mhz;             /* 0: unknown */
	unsigned nodes;           /* NUMA cells */
	unsigned sockets;         /* for each node */
	unsigned cores;           /* for each socket */
	unsigned threads;         /* for each core */
};

/* Versions are "MAJOR.MINOR.RELEASE". */
struct virt_versions {
	char *library;            /* libvirt in this process */
	char *libvirt;            /* libvirt that serves the connection */
	char *hypervisor;         /* "QEMU", "TEST" */
	char *hypervisor_version; /* NULL: no version is known */
	char *driver;             /* scheme of the URI: "qemu", "test" */
};

/*
 * A run of a domain, from a start to its end, as a word: of the connection to libvirt
 * and of libvirt's number for the run. Another start has another word; so has another
 * connection, since libvirt, started anew, counts from 1.
 */
#define VIRT_RUN_SIZE 24

/*
 * How a serial line is asked for. Strings are borrowed for the call of the verb.
 * A line is one run of a guest's serial port: its ID is another one after each
 * start of the guest, and bytes are counted from the first that was seen on it.
 */
struct virt_serial_ask {
	const char *device; /* NULL or "": the first one; "2"; "serial0" */
	bool watch;         /* reads only */
	bool force;         /* takes it from the writer, or another program */
	const char *line;   /* NULL, or go on with that run… */
	uint64_t after;     /* …behind that many bytes of it */
	bool has_history;
	uint64_t history;  /* of what came before, bytes; otherwise all */
	const char *token; /* by which a writer is known again; NULL: none */
	const char *who;   /* is told to others: "alice" */
	const char *from;  /* "192.0.2.1:50123" */
};

#define VIRT_LINE_SIZE  17 /* 16 hexadecimal digits and NUL */
#define VIRT_TOKEN_SIZE 65 /* with NUL */

/* What ended a console, for as long as the caller wants to know it. */
struct virt_console;

/* A console on a serial line; see virt_domain_open_serial(). */
struct virt_serial {
	int fd; /* stream socket, non-blocking, close-on-exec */
	struct virt_console *console;
	char line[VIRT_LINE_SIZE];
	uint64_t offset; /* of the first byte that follows */
	uint64_t missed; /* bytes after `after` that are not kept any more */
	uint64_t taken;  /* bytes that the line has taken of the token's */
	bool counted;    /* there is a token, and TAKEN says something */
	bool watches;
};

enum virt_graphics_type { VIRT_GRAPHICS_VNC, VIRT_GRAPHICS_SPICE };

enum virt_value {
	VIRT_VALUE_NONE,     /* only reply->domain, or an error */
	VIRT_VALUE_HOST,     /* value.host */
	VIRT_VALUE_VERSIONS, /* value.versions */
	VIRT_VALUE_LIST,     /* value.list */
	VIRT_VALUE_INFO,     /* value.info */
	VIRT_VALUE_XML,      /* value.xml */
	VIRT_VALUE_DEFINED,  /* value.defined */
	VIRT_VALUE_PICTURE,  /* value.picture */
	VIRT_VALUE_GRAPHICS, /* value.graphics */
	VIRT_VALUE_SERIAL,   /* value.serial */
	VIRT_VALUE_NOUN,     /* value.noun */
};

/*
 * What came of a request. error is set, or the value that KIND names is. The
 * room frees it all after done(); done() may take a string with steal(), a
 * descriptor with steal_fd(), the error with error_move().
 */
struct virt_reply {
	struct error error;
	/* The domain that it was about, as soon as it was found and in scope:
	 * also with an error, and always without one (domain verbs). Else "" and
	 * NULL. */
	struct {
		char uuid[VIRT_UUID_SIZE];
		char *name;
	} domain;
	enum virt_value kind;
	union {
		struct virt_host_info host;
		struct virt_versions versions;
		struct {
			struct virt_domain *rows; /* by name, bytewise */
			size_t count;
			int64_t as_of_us;    /* since 1970: all was read */
			struct rows *shared; /* private: owns strings */
		} list;
		struct virt_domain_info info;
		char *xml;
		struct {
			bool replaced; /* a persistent one was there before */
		} defined;
		struct {
			uint8_t *png;
			size_t len; /* bytes */
			unsigned width, height;
		} picture;
		struct {
			int fd; /* stream socket, non-blocking, close-on-exec */
			enum virt_graphics_type type;
			char run[VIRT_RUN_SIZE];
		} graphics;
		struct virt_serial serial;
		/* Of the further nouns: the header of the verb says what DATA
		 * is; done() may take it with steal(). */
		struct {
			void *data;
			void (*free)(void *data);
		} noun;
	} value;
};

/*
 * Called exactly once for each request that a verb accepted: from
 * virt_dispatch(), or at the latest from virt_free(). Never from within a verb.
 * It may submit further requests; it must not call virt_free().
 */
typedef void virt_done_fn(void *context, struct virt_reply *reply);

struct virt_done {
	virt_done_fn *fn;
	void *context; /* borrowed until fn has been called */
};

/*
 * Starts the threads and returns at once; the connection is made, and made
 * again whenever it breaks, by a thread of its own. Until the first attempt has
 * ended (at most VIRT_FIRST_CONNECT_MS) requests wait for it; after that,
 * without a connection, they fail at once with ERROR_UNAVAILABLE. LOG is
 * borrowed until virt_free() has returned. The first one in a process changes
 * the environment for a moment: call it before other threads read that.
 * ERROR_CONFIG: the URI is missing.
 */
int virt_new(struct virt **out, const struct virt_config *config,
	     struct log *log, struct error *err);

/*
 * Begins the end: from now on verbs fail with ERROR_DRAINING, and what still
 * waits is answered so too; what already runs in a worker goes on. May be
 * called twice. Descriptors that were handed out stay as they are.
 */
void virt_close(struct virt *v);

/*
 * Closes, waits for the workers at most VIRT_FREE_WAIT_MS (and for the
 * connection VIRT_FREE_REST_MS), ends all serial lines, and calls done() for
 * every request that has not been answered: ERROR_UNKNOWN_OUTCOME for a
 * mutation that still blocks inside libvirt. Such a thread is left behind and
 * ends when libvirt lets it go. NULL-safe.
 */
void virt_free(struct virt *v);

DEFINE_CLEANUP(virt, virt_free);

/* Readable while replies wait for virt_dispatch(). Owned by V. */
int virt_completion_fd(const struct virt *v);

/* Calls done() for the replies that wait now. Not from within done(). */
void virt_dispatch(struct virt *v);

/* Requests accepted and not yet answered; 0 after virt_close(): drained. */
size_t virt_pending(struct virt *v);

/* Whether libvirt is connected at this moment. Any thread. */
bool virt_connected(struct virt *v);

/* "running", "paused", "shut off": virsh's words; constant. */
const char *virt_state_name(enum virt_state state);

/* The <name> of a domain's XML, to free(); NULL where it is no such XML. */
char *virt_xml_name(const char *xml);

/*
 * The verbs. Each returns 0: DONE will be called with the reply; or -1 with ERR
 * and DONE never called: ERROR_BUSY (queue_limit), ERROR_DRAINING,
 * ERROR_NO_MEMORY, ERROR_INVALID_PARAMS (a name or XML above its limit).
 * Any reply may carry ERROR_UNAVAILABLE, ERROR_DRAINING, ERROR_NO_MEMORY,
 * ERROR_FAILED; a mutation during which libvirt went away
 * ERROR_UNKNOWN_OUTCOME; a domain verb ERROR_NOT_FOUND. Further ones are named.
 * Flags are ORed; an unknown bit is ERROR_INVALID_PARAMS.
 */

/* virNodeGetInfo, virNodeGetFreeMemory, virConnectGetHostname. */
int virt_host_info(struct virt *v, struct virt_done done, struct error *err);

/* virGetVersion, virConnectGetLibVersion, -GetType, -GetVersion, -GetURI. */
int virt_host_versions(struct virt *v, struct virt_done done,
		       struct error *err);

/*
 * All domains in SCOPE, active or not, sorted by name: VIRT_VALUE_LIST, whose
 * strings nobody may take. From memory, where events keep it up to date: what
 * this room has changed before is always seen, what others have changed as soon
 * as libvirt has told, or at the latest VIRT_INVENTORY_AGE_MS after it.
 * virConnectListAllDomains, virConnectGetAllDomainStats, virDomainListGetStats.
 */
int virt_domain_list(struct virt *v, char *const *scope, struct virt_done done,
		     struct error *err);

/* virDomainGetInfo, -GetState, -GetOSType, -GetXMLDesc…: _INFO. */
int virt_domain_info(struct virt *v, const struct virt_domain_ref *ref,
		     struct virt_done done, struct error *err);

enum virt_xml_flag {
	VIRT_XML_SECURE = 1 << 0, /* with passwords */
	VIRT_XML_INACTIVE = 1 << 1,
	VIRT_XML_UPDATE_CPU = 1 << 2,
	VIRT_XML_MIGRATABLE = 1 << 3,
};

/* virDomainGetXMLDesc: VIRT_VALUE_XML. */
int virt_domain_xml(struct virt *v, const struct virt_domain_ref *ref,
		    unsigned flags, struct virt_done done, struct error *err);

enum virt_define_flag {
	VIRT_DEFINE_VALIDATE = 1 << 0, /* against libvirt's schema */
};

/*
 * virDomainDefineXMLFlags: VIRT_VALUE_DEFINED, reply->domain names it. XML: at
 * most VIRT_XML_MAX bytes, no DOCTYPE, no entities (ERROR_INVALID_PARAMS). With
 * SCOPE the name in the XML must match it, and so must the name of a domain
 * that has the XML's UUID already: else ERROR_DENIED. ERROR_EXISTS: another
 * domain has that name or UUID.
 */
int virt_domain_define(struct virt *v, const char *xml, char *const *scope,
		       unsigned flags, struct virt_done done,
		       struct error *err);

enum virt_create_flag {
	VIRT_CREATE_PAUSED = 1 << 0,
	VIRT_CREATE_VALIDATE = 1 << 1,
	VIRT_CREATE_RESET_NVRAM = 1 << 2,
};

/* virDomainCreateXML (transient): VIRT_VALUE_NONE; rules of define. */
int virt_domain_create(struct virt *v, const char *xml, char *const *scope,
		       unsigned flags, struct virt_done done,
		       struct error *err);

enum virt_undefine_flag {
	VIRT_UNDEFINE_MANAGED_SAVE = 1 << 0,
	VIRT_UNDEFINE_SNAPSHOTS_METADATA = 1 << 1,
	VIRT_UNDEFINE_CHECKPOINTS_METADATA = 1 << 2,
	VIRT_UNDEFINE_NVRAM = 1 << 3,
	VIRT_UNDEFINE_KEEP_NVRAM = 1 << 4,
	VIRT_UNDEFINE_TPM = 1 << 5,
	VIRT_UNDEFINE_KEEP_TPM = 1 << 6,
};

/*
 * virDomainUndefineFlags. ERROR_STATE where a managed save image, snapshots or
 * NVRAM stand in the way (the words name the flag), or where it is transient.
 */
int virt_domain_undefine(struct virt *v, const struct virt_domain_ref *ref,
			 unsigned flags, struct virt_done done,
			 struct error *err);

enum virt_start_flag {
	VIRT_START_PAUSED = 1 << 0,
	VIRT_START_BYPASS_CACHE = 1 << 1, /* of a managed save file */
	VIRT_START_FORCE_BOOT = 1 << 2,   /* drop a managed save image */
	VIRT_START_RESET_NVRAM = 1 << 3,
};

/* virDomainCreateWithFlags. ERROR_STATE: it runs already. */
int virt_domain_start(struct virt *v, const struct virt_domain_ref *ref,
		      unsigned flags, struct virt_done done, struct error *err);

/* How a guest is asked; 0: the hypervisor chooses; several: it tries them. */
enum virt_power_mode {
	VIRT_POWER_ACPI = 1 << 0,
	VIRT_POWER_AGENT = 1 << 1,
	VIRT_POWER_INITCTL = 1 << 2,
	VIRT_POWER_SIGNAL = 1 << 3,
	VIRT_POWER_PARAVIRT = 1 << 4,
};

/*
 * virDomainShutdownFlags, virDomainReboot: the guest is asked, and may take its
 * time or refuse; the reply does not wait for it. ERROR_STATE: not running.
 */
int virt_domain_shutdown(struct virt *v, const struct virt_domain_ref *ref,
			 unsigned modes, struct virt_done done,
			 struct error *err);
int virt_domain_reboot(struct virt *v, const struct virt_domain_ref *ref,
		       unsigned modes, struct virt_done done,
		       struct error *err);

enum virt_destroy_flag {
	VIRT_DESTROY_GRACEFUL = 1 << 0, /* SIGTERM only, no SIGKILL */
};

/* virDomainDestroyFlags. ERROR_STATE: not running; BUSY: graceful failed. */
int virt_domain_destroy(struct virt *v, const struct virt_domain_ref *ref,
			unsigned flags, struct virt_done done,
			struct error *err);

/* virDomainSuspend, virDomainResume. ERROR_STATE. */
int virt_domain_suspend(struct virt *v, const struct virt_domain_ref *ref,
			struct virt_done done, struct error *err);
int virt_domain_resume(struct virt *v, const struct virt_domain_ref *ref,
		       struct virt_done done, struct error *err);

/*
 * The picture of SCREEN (0: the first head): VIRT_VALUE_PICTURE, 8-bit RGB PNG.
 * virDomainScreenshot. ERROR_STATE, ERROR_UNSUPPORTED, ERROR_TOO_LARGE.
 */
int virt_domain_screenshot(struct virt *v, const struct virt_domain_ref *ref,
			   unsigned screen, struct virt_done done,
			   struct error *err);

/*
 * A connection to display INDEX (the domain's <graphics> elements, from 0):
 * VIRT_VALUE_GRAPHICS. The display's own password is skipped where that can be
 * (virDomainOpenGraphicsFD), else its socket or loopback address is used.
 * RUN: only of that run of the domain, or NULL. ERROR_NOT_FOUND: no such display;
 * ERROR_STATE: it does not run, or no longer that run; ERROR_UNSUPPORTED, also
 * where libvirt is reached otherwise than in this process or by its Unix socket.
 */
int virt_domain_open_graphics(struct virt *v, const struct virt_domain_ref *ref,
			      unsigned index, const char *run,
			      struct virt_done done, struct error *err);

/*
 * A console on a serial line: VIRT_VALUE_SERIAL, one end of a socket pair. Digits
 * in ASK->device are the index of a <serial> (else <console>) element. Any number
 * watch, one writes (hub.h tells of back-pressure); the line itself is opened by
 * virDomainOpenConsole or its like (far.h). The end is seen as end of file, behind
 * all bytes that were due, and virt_console_why() tells why; after
 * shutdown(SHUT_WR) bytes still come; after close() the guest still gets what was
 * written, for VIRT_HUB_LINGER_MS at most. ERROR_BUSY: someone else writes, with
 * his name; another program holds the line; or there are too many.
 */
int virt_domain_open_serial(struct virt *v, const struct virt_domain_ref *ref,
			    const struct virt_serial_ask *ask,
			    struct virt_done done, struct error *err);

/* Why it was ended by this room: false and ERR untouched where it was not. */
bool virt_console_why(struct virt_console *console, struct error *err);

/* NULL-safe. */
void virt_console_free(struct virt_console *console);

#endif
