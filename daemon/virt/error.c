/*
 * Error translation (error.h). First comes what we can find out ourselves (the
 * connection is gone; the domain's state forbids it), then known causes by
 * libvirt's words, then the table of codes.
 */
#include "daemon/virt/error.h"

#include <stdio.h>
#include <string.h>

#include "daemon/virt/connection.h"
#include "daemon/virt/definition.h"

/* Bytes of libvirt's words that a caller may see. */
#define TOLD_MAX 400

struct translation {
	int number; /* virErrorNumber */
	enum error_code code;
	bool tell; /* libvirt's words are about the caller's own XML */
	const char *words;
};

#define NOT_VALID "its XML is not valid"
#define CANNOT    "this host's hypervisor cannot do that"
#define NOT_LET                                                                \
	"libvirt does not let virtmuxd do it: check the account that "         \
	"virtmuxd runs as"
#define NO_AGENT                                                               \
	"its guest agent does not answer: check that qemu-guest-agent runs "   \
	"in the guest"

#define TOO_MANY "it is more than this host's hypervisor can do"
#define ABOVE_MAXIMUM                                                          \
	"it is more than its maximum: raise that with maximum and config "     \
	"first, for its next start"
#define NO_FILE  "the host has no such file, or cannot read it"
#define NO_IMAGE "that file holds no saved domain"

static const struct translation table[] = {
	{VIR_ERR_NO_MEMORY, ERROR_NO_MEMORY, false, "memory ran out"},
	{VIR_ERR_NO_SUPPORT, ERROR_UNSUPPORTED, false, CANNOT},
	{VIR_ERR_CALL_FAILED, ERROR_UNSUPPORTED, false, CANNOT},
	{VIR_ERR_ARGUMENT_UNSUPPORTED, ERROR_UNSUPPORTED, false, CANNOT},
	{VIR_ERR_OPERATION_UNSUPPORTED, ERROR_UNSUPPORTED, false, CANNOT},
	{VIR_ERR_CONFIG_UNSUPPORTED, ERROR_UNSUPPORTED, true,
	 "its XML asks for what this host cannot do"},
	{VIR_ERR_CPU_INCOMPATIBLE, ERROR_UNSUPPORTED, true,
	 "it asks for a CPU that this host does not have"},
	{VIR_ERR_XML_ERROR, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_XML_DETAIL, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_XML_INVALID_SCHEMA, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_OS_TYPE, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_NO_KERNEL, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_NO_ROOT, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_NO_SOURCE, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_NO_TARGET, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_NO_NAME, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_NO_OS, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_NO_DEVICE, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_INVALID_MAC, ERROR_INVALID_PARAMS, true, NOT_VALID},
	{VIR_ERR_INVALID_ARG, ERROR_INVALID_PARAMS, true,
	 "libvirt does not take these parameters"},
	{VIR_ERR_OVERFLOW, ERROR_INVALID_PARAMS, false, "a number too large"},
	{VIR_ERR_DOM_EXIST, ERROR_EXISTS, false,
	 "a domain of that name or UUID exists"},
	{VIR_ERR_STORAGE_VOL_EXIST, ERROR_EXISTS, false,
	 "the pool has a volume of that name"},
	{VIR_ERR_STORAGE_POOL_BUILT, ERROR_STATE, false,
	 "there are data in it already: overwrite makes it anew"},
	{VIR_ERR_STORAGE_PROBE_FAILED, ERROR_STATE, false,
	 "what is in it is not known: overwrite makes it anew"},
	{VIR_ERR_NO_DOMAIN, ERROR_NOT_FOUND, false, "there is no such domain"},
	{VIR_ERR_NETWORK_EXIST, ERROR_EXISTS, false,
	 "a network of that name or UUID exists"},
	{VIR_ERR_NO_NETWORK, ERROR_STATE, false,
	 "a network that it uses does not exist on this host"},
	{VIR_ERR_NO_STORAGE_POOL, ERROR_STATE, false,
	 "a storage pool that it uses does not exist on this host"},
	{VIR_ERR_NO_STORAGE_VOL, ERROR_STATE, false,
	 "a volume that it uses does not exist on this host"},
	{VIR_ERR_NO_SECRET, ERROR_STATE, false,
	 "a secret that it uses does not exist on this host"},
	{VIR_ERR_NO_DOMAIN_METADATA, ERROR_NOT_FOUND, false,
	 "it has no such metadata"},
	{VIR_ERR_DEVICE_MISSING, ERROR_NOT_FOUND, false,
	 "it has no such device"},
	{VIR_ERR_OPERATION_INVALID, ERROR_STATE, false,
	 "its present state does not allow it"},
	{VIR_ERR_BLOCK_COPY_ACTIVE, ERROR_STATE, false,
	 "a copy of one of its disks goes on"},
	{VIR_ERR_SNAPSHOT_REVERT_RISKY, ERROR_STATE, false,
	 "reverting it is risky without force"},
	{VIR_ERR_OPERATION_TIMEOUT, ERROR_TIMED_OUT, false,
	 "another operation on it goes on: try again later"},
	{VIR_ERR_AGENT_UNRESPONSIVE, ERROR_TIMED_OUT, false, NO_AGENT},
	{VIR_ERR_AGENT_UNSYNCED, ERROR_TIMED_OUT, false, NO_AGENT},
	{VIR_ERR_OPERATION_ABORTED, ERROR_FAILED, false, "it was aborted"},
	{VIR_ERR_RESOURCE_BUSY, ERROR_BUSY, false,
	 "something else uses it: try again later"},
	{VIR_ERR_OPERATION_DENIED, ERROR_DENIED, false, NOT_LET},
	{VIR_ERR_ACCESS_DENIED, ERROR_DENIED, false, NOT_LET},
	{VIR_ERR_AUTH_FAILED, ERROR_DENIED, false, NOT_LET},
	{VIR_ERR_AUTH_CANCELLED, ERROR_DENIED, false, NOT_LET},
	{VIR_ERR_AUTH_UNAVAILABLE, ERROR_DENIED, false, NOT_LET},
};

static const struct translation other = {
	0, ERROR_FAILED, false, "libvirt refused it; the host's log tells why"};

/* What libvirt says only in words, under codes that mean anything. */
static const struct hint {
	const char *text;
	struct translation as;
} hints[] = {
	{"unsupported flags (0x",
	 {0, ERROR_UNSUPPORTED, false,
	  "this host's hypervisor does not know one of the flags"}},
	{"Active console session exists",
	 {0, ERROR_BUSY, false,
	  "another program on the host holds that serial line, as virsh "
	  "console "
	  "does: take it with force"}},
	{"no device found with alias",
	 {0, ERROR_NOT_FOUND, false, "it has no such device"}},
	{"does not have an active block job",
	 {0, ERROR_STATE, false, "that disk has no job"}},
	{"already in active block job",
	 {0, ERROR_STATE, false, "another job of that disk goes on"}},
	{"has an active block job",
	 {0, ERROR_STATE, false, "another job of that disk goes on"}},
	{"not ready for pivot",
	 {0, ERROR_STATE, false, "that disk's job is not ready yet"}},
	{"guest agent is not configured",
	 {0, ERROR_UNSUPPORTED, false,
	  "it has no guest agent channel: add one to its definition"}},
	{"guest agent is not connected", {0, ERROR_TIMED_OUT, false, NO_AGENT}},
	{"find capabilities for domaintype=kvm",
	 {0, ERROR_UNSUPPORTED, false,
	  "this host has no KVM: check /dev/kvm, or use type 'qemu'"}},
	{"Could not access KVM kernel module",
	 {0, ERROR_UNSUPPORTED, false,
	  "this host has no KVM: check /dev/kvm, or use type 'qemu'"}},
	{"already exists with uuid",
	 {0, ERROR_EXISTS, false, "another one of that name or UUID exists"}},
	{"is already defined with uuid",
	 {0, ERROR_EXISTS, false, "another one of that name or UUID exists"}},
	{"storage volume name '",
	 {0, ERROR_EXISTS, false, "the pool has a volume of that name"}},
	{"storage vol already exists",
	 {0, ERROR_EXISTS, false, "the pool has a volume of that name"}},
	{"unless shrink flag explicitly",
	 {0, ERROR_INVALID_PARAMS, false,
	  "it would become smaller: say shrink, where what lies behind may be "
	  "lost"}},
	{"Directory not empty",
	 {0, ERROR_STATE, false, "it is not empty: delete its volumes first"}},
	{"No space left on device",
	 {0, ERROR_FAILED, false, "the host's storage is full"}},
	{"Disk quota exceeded",
	 {0, ERROR_FAILED, false, "the host's storage is full"}},
	{"no such screen ID",
	 {0, ERROR_NOT_FOUND, false, "it has no such screen"}},
	{"cannot find character device",
	 {0, ERROR_NOT_FOUND, false, "it has no serial line of that name"}},
	{"exceeds maximum supported amount",
	 {0, ERROR_INVALID_PARAMS, false, TOO_MANY}},
	{"exceeds maximum", {0, ERROR_INVALID_PARAMS, false, ABOVE_MAXIMUM}},
	{"greater than max allowable",
	 {0, ERROR_INVALID_PARAMS, false, ABOVE_MAXIMUM}},
	{"memory higher than max memory",
	 {0, ERROR_INVALID_PARAMS, false,
	  "it is more than its maximum: raise that with setmaxmem first, "
	  "while it is off"}},
	{"resize the maximum memory on an active domain",
	 {0, ERROR_STATE, false,
	  "its maximum stands while it runs: give config, for its next "
	  "start"}},
	{"persistent config of a transient domain",
	 {0, ERROR_STATE, false,
	  "it is transient and has no definition: leave config out"}},
	{"domain with name '",
	 {0, ERROR_EXISTS, false,
	  "another domain has that name: choose another one"}},
	{"is already active",
	 {0, ERROR_STATE, false, "that domain runs already: destroy it first"}},
	{"cannot read domain image", {0, ERROR_NOT_FOUND, false, NO_FILE}},
	{"Failed to open file '", {0, ERROR_NOT_FOUND, false, NO_FILE}},
	{"Failed to create file '",
	 {0, ERROR_FAILED, false,
	  "the host cannot write that file: check that its directory exists "
	  "and has room"}},
	{"header magic", {0, ERROR_INVALID_PARAMS, false, NO_IMAGE}},
	{"image magic is incorrect",
	 {0, ERROR_INVALID_PARAMS, false, NO_IMAGE}},
	{"failed to read qemu header",
	 {0, ERROR_INVALID_PARAMS, false, NO_IMAGE}},
	{"no job is active", {0, ERROR_STATE, false, "no job of it goes on"}},
	{"virtlogd-sock",
	 {0, ERROR_FAILED, false,
	  "libvirt's virtlogd does not run on this host: start it"}},
	{"Cannot allocate memory",
	 {0, ERROR_FAILED, false, "the host has too little free memory"}},
	{"Cannot access storage file",
	 {0, ERROR_STATE, false,
	  "the host cannot open one of its disk images"}},
	{"Could not open '",
	 {0, ERROR_STATE, false,
	  "the host cannot open one of its disk images"}},
	{"Failed to get \"write\" lock",
	 {0, ERROR_BUSY, false,
	  "one of its disk images is in use by another program"}},
};

static const struct translation *translate(int number)
{
	for (size_t i = 0; i < array_size(table); i++)
		if (table[i].number == number)
			return &table[i];
	return &other;
}

enum error_code failure_code(int libvirt_code)
{
	return translate(libvirt_code)->code;
}

/* Not a domain that uses a network. */
static bool is_about_network(const struct job *job)
{
	return job->kind && strcmp(job->kind, "network") == 0;
}

static const struct translation *find_hint(const struct job *job,
					   const virError *error)
{
	static const struct translation network = {
		0, ERROR_STATE, false,
		"a network that it uses is not active: start the network "
		"first"};

	if (error->domain == VIR_FROM_NETWORK &&
	    error->code == VIR_ERR_OPERATION_INVALID && !is_about_network(job))
		return &network;
	for (size_t i = 0; error->message && i < array_size(hints); i++)
		if (strstr(error->message, hints[i].text))
			return &hints[i].as;
	return NULL;
}

int failure_no_domain(struct error *err, const char *name)
{
	return error_set(err, ERROR_NOT_FOUND,
			 "there is no domain '%s' on this host", name);
}

int failure_no_such(struct error *err, const char *kind, const char *name)
{
	return error_set(err, ERROR_NOT_FOUND,
			 "there is no %s '%s' on this host", kind, name);
}

/* "domain 'web'", or what a verb without a domain is about. */
static char *subject(const struct job *job)
{
	char *text = NULL;
	int n = 0;

	if (job->kind)
		n = job->name ? asprintf(&text, "%s '%s'", job->kind, job->name)
			      : asprintf(&text, "the %s", job->kind);
	else if (job->reply->domain.name)
		n = asprintf(&text, "domain '%s'", job->reply->domain.name);
	else if (job->name)
		n = asprintf(&text, "domain '%s'", job->name);
	else if (job->request->id == VERB_LIST)
		text = strdup("the list of domains");
	else if (job->request->text)
		text = strdup("the domain");
	else if (job->request->domain)
		n = asprintf(&text, "domain '%s'", job->request->domain);
	else
		text = strdup("the host's description");
	return n < 0 ? NULL : text;
}

static int state_error(struct job *job, struct error *err, const char *words)
{
	return error_set(err, ERROR_STATE, "domain '%s' %s",
			 job->reply->domain.name, words);
}

static bool has_snapshots(virDomainPtr domain)
{
	return virDomainSnapshotNum(domain, 0) > 0;
}

static bool has_checkpoints(virDomainPtr domain)
{
	return virDomainListAllCheckpoints(domain, NULL, 0) > 0;
}

static int explain_undefine(struct job *job, struct error *err)
{
	unsigned flags = job->request->flags;

	if (virDomainIsPersistent(job->domain) == 0)
		return state_error(job, err,
				   "is transient: it has no definition, and "
				   "is gone once it is destroyed");
	if (!(flags & VIRT_UNDEFINE_MANAGED_SAVE) &&
	    virDomainHasManagedSaveImage(job->domain, 0) > 0)
		return state_error(job, err,
				   "has a managed save image: remove it with "
				   "managed-save");
	if (!(flags & VIRT_UNDEFINE_SNAPSHOTS_METADATA) &&
	    has_snapshots(job->domain))
		return state_error(job, err,
				   "has snapshots: delete them, or forget them "
				   "with snapshots-metadata");
	if (!(flags & VIRT_UNDEFINE_CHECKPOINTS_METADATA) &&
	    has_checkpoints(job->domain))
		return state_error(job, err,
				   "has checkpoints: delete them, or forget "
				   "them with checkpoints-metadata");
	if (!(flags & (VIRT_UNDEFINE_NVRAM | VIRT_UNDEFINE_KEEP_NVRAM)))
		return state_error(job, err,
				   "cannot be undefined as it is: where it has "
				   "NVRAM, say nvram or keep-nvram");
	return 0;
}

static int explain_rename(struct job *job, int state, struct error *err)
{
	if (state != VIR_DOMAIN_SHUTOFF && state != VIR_DOMAIN_CRASHED)
		return state_error(job, err,
				   "is running: shut it down before it is "
				   "renamed");
	if (has_snapshots(job->domain))
		return state_error(job, err,
				   "has snapshots: it cannot be renamed while "
				   "it has them");
	if (has_checkpoints(job->domain))
		return state_error(job, err,
				   "has checkpoints: it cannot be renamed "
				   "while it has them");
	return 0;
}

/* Verbs that a domain need not run for. */
static bool is_for_definition(const struct request *request)
{
	switch (request->id) {
	case VERB_AUTOSTART:
	case VERB_CLONE:
	case VERB_MANAGED_SAVE_REMOVE:
		return true;
	case VERB_SET_TEXT:
	case VERB_SET_METADATA:
	case VERB_SET_VCPUS:
	case VERB_SET_MEMORY:
		return request->flags & VIRT_AFFECT_CONFIG;
	default:
		return false;
	}
}

/* -1: the domain's state explains the failure, and ERR says so. */
static int explain_state(struct job *job, struct error *err)
{
	int state, reason;

	if (virDomainGetState(job->domain, &state, &reason, 0) < 0)
		return 0;
	if (job->request->id == VERB_UNDEFINE)
		return explain_undefine(job, err);
	if (job->request->id == VERB_RENAME)
		return explain_rename(job, state, err);
	if (is_for_definition(job->request))
		return 0;
	if (job->request->id == VERB_START) {
		if (state == VIR_DOMAIN_PAUSED)
			return state_error(job, err, "is paused: resume it");
		if (state != VIR_DOMAIN_SHUTOFF && state != VIR_DOMAIN_CRASHED)
			return state_error(job, err, "is running already");
		return 0;
	}
	if (state == VIR_DOMAIN_SHUTOFF || state == VIR_DOMAIN_CRASHED) {
		if (job->request->id == VERB_SHUTDOWN ||
		    job->request->id == VERB_DESTROY)
			return state_error(job, err, "is not running");
		return state_error(job, err, "is not running: start it first");
	}
	if (job->request->id == VERB_RESUME && state == VIR_DOMAIN_RUNNING)
		return state_error(job, err, "is running, not paused");
	if (job->request->id == VERB_MANAGED_SAVE &&
	    virDomainIsPersistent(job->domain) == 0)
		return state_error(job, err,
				   "is transient: it has no definition to "
				   "start from again; save it to a file");
	if (state != VIR_DOMAIN_PAUSED)
		return 0;
	if (job->request->id == VERB_SUSPEND)
		return state_error(job, err, "is paused already");
	if (job->request->id == VERB_SHUTDOWN ||
	    job->request->id == VERB_REBOOT)
		return state_error(job, err, "is paused: resume it first");
	return 0;
}

/* Codes that libvirt's drivers use for a wrong state, among other things. */
static bool may_be_state(int code)
{
	return code == VIR_ERR_OPERATION_INVALID ||
	       code == VIR_ERR_OPERATION_FAILED ||
	       code == VIR_ERR_INTERNAL_ERROR;
}

/* A call that libvirt's client refused to send cannot have happened. */
static bool never_sent(const virError *error)
{
	return error->domain == VIR_FROM_RPC && error->message &&
	       strstr(error->message, "client socket is closed");
}

static int set_lost(struct job *job, const virError *error, struct error *err)
{
	autofree char *what = subject(job);

	connection_lost(job->connection, job->conn);
	if (!job->acting || !job->verb->changes || never_sent(error))
		return connection_unavailable(job->connection, err);
	return error_set(err, ERROR_UNKNOWN_OUTCOME,
			 "libvirt went away, and whether %s was %s is not "
			 "known: look at it before trying again",
			 what ? what : "the domain", job->verb->deed);
}

/* The caller's own XML is at fault: libvirt's words, made one short line. */
static void add_told(struct error *err, const virError *error)
{
	char told[TOLD_MAX + 1];

	snprintf(told, sizeof(told), "%s", error->message);
	for (char *c = told; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	error_prefix(err, "%s", told);
}

static int set_translated(struct job *job, const virError *error,
			  struct error *err)
{
	const struct translation *as = find_hint(job, error);
	autofree char *what = subject(job);
	bool own_xml = job->own_xml || job->request->id == VERB_DEFINE ||
		       job->request->id == VERB_CREATE;

	if (!as)
		as = translate(error->code);
	if (error->code == VIR_ERR_NO_DOMAIN && job->request->domain)
		return failure_no_domain(err, job->request->domain);
	error_set(err, as->code, "%s", as->words);
	if ((as->tell || (is_about_network(job) && as->code == ERROR_STATE)) &&
	    own_xml && error->message)
		add_told(err, error);
	return error_prefix(err, "%s could not be %s",
			    what ? what : "the domain", job->verb->deed);
}

int failure_from(struct job *job, const virError *error, struct error *err)
{
	if (!error || error->code == VIR_ERR_OK)
		return error_set(err, ERROR_INTERNAL,
				 "libvirt failed and did not say why");
	if (virConnectIsAlive(job->conn) == 0)
		set_lost(job, error, err);
	else if (!(job->domain && !job->kind && may_be_state(error->code) &&
		   explain_state(job, err) < 0))
		set_translated(job, error, err);
	return error_set_cause(err, "libvirt error %d of %d: %s", error->code,
			       error->domain,
			       error->message ? error->message : "");
}

int failure_set(struct job *job, struct error *err)
{
	virErrorPtr error = virSaveLastError();

	failure_from(job, error, err);
	virFreeError(error);
	virResetLastError();
	return -1;
}

/* Whether libvirt's words are about the thing alone, and not about the host. */
static bool may_be_told(const virError *error, const struct error *err)
{
	switch (err->code) {
	case ERROR_STATE:
	case ERROR_UNSUPPORTED:
	case ERROR_FAILED:
	case ERROR_INVALID_PARAMS:
		return error && error->message && *error->message &&
		       strlen(error->message) <= TOLD_MAX &&
		       !strchr(error->message, '/') &&
		       !strstr(error->message, " in function ");
	default:
		return false;
	}
}

int failure_told_from(struct job *job, const virError *error, struct error *err)
{
	autofree char *words = NULL;
	autofree char *cause = NULL;

	job->own_xml = false;
	failure_from(job, error, err);
	if (!may_be_told(error, err))
		return -1;
	words = strdup(error_words(err));
	cause = err->cause ? strdup(err->cause) : NULL;
	if (!words)
		return -1;
	error_set(err, err->code, "%s (%s)", words, error->message);
	return error_set_cause(err, "%s", cause ? cause : "");
}

int failure_told(struct job *job, struct error *err)
{
	virErrorPtr error = virSaveLastError();

	failure_told_from(job, error, err);
	virFreeError(error);
	virResetLastError();
	return -1;
}

static void on_error(void *context, virErrorPtr error)
{
}

/* libvirt's log has no other switch; the person's own setting wins. */
static int initialize_silently(void)
{
	static const char name[] = "LIBVIRT_LOG_OUTPUTS";
	bool ours = !getenv(name) && !getenv("LIBVIRT_DEBUG");
	int result;

	if (ours)
		setenv(name, "4:file:/dev/null", 1);
	result = virInitialize();
	if (ours)
		unsetenv(name);
	return result;
}

int failure_initialize(void)
{
	virSetErrorFunc(NULL, on_error);
	return initialize_silently();
}
