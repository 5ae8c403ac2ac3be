/*
 * A guest's end of a line over libvirtd, on a socket of its own (far.h, rpc.h).
 * What is not received stays in that socket, so that libvirtd stops reading the
 * guest; what the guest does not take blocks that socket and no other call.
 *
 * What holds: `in` is cut into messages by their lengths; a data message's bytes
 * go straight to the hub, all else is skipped.
 */
#include "daemon/virt/far.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/virt/connection.h"
#include "daemon/virt/error.h"
#include "daemon/virt/far_fd.h"
#include "daemon/virt/job.h"
#include "daemon/virt/rpc.h"

#define SERIAL 3u

enum finish { FINISH_NO, FINISH_ASKED, FINISH_DONE };

struct far_rpc {
	struct far_fd base;
	uint8_t head[RPC_HEADER]; /* of the message that comes in */
	size_t head_len;
	size_t payload; /* data bytes of it still to come */
	size_t skip;    /* other bytes of it still to come */
	bool ended;
	uint8_t out[RPC_HEADER + VIRT_RPC_CHUNK];
	size_t out_at, out_len;
	size_t sending; /* the hub's bytes that `out` holds */
	enum finish finish;
};

static struct far_rpc *of(struct far *far)
{
	return container_of(far, struct far_rpc, base.far);
}

/* A whole head has come: what is it? */
static void take_head(struct far_rpc *r)
{
	struct rpc_header header;

	rpc_unpack(r->head, &header);
	r->head_len = 0;
	if (header.length < RPC_HEADER) {
		r->ended = true;
		return;
	}
	if (header.program != RPC_PROGRAM || header.type != RPC_STREAM ||
	    header.serial != SERIAL) {
		r->skip = header.length - RPC_HEADER;
		return;
	}
	if (header.status != RPC_CONTINUE) {
		/* It is finished, by us or because it failed. */
		r->finish = FINISH_DONE;
		r->ended = true;
		return;
	}
	r->payload = header.length - RPC_HEADER;
	if (r->payload == 0) /* libvirt's end of file */
		r->ended = true;
}

/* recv(2) with our results; 0 of it is the end too. */
static int receive(struct far_rpc *r, void *data, size_t n)
{
	ssize_t got;

	do {
		got = recv(r->base.fd, data, n, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got > 0)
		return (int)got;
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return FAR_AGAIN;
	return FAR_FAILED;
}

/* Up to the next payload. 0: it is there, or the end. */
static int receive_head(struct far_rpc *r)
{
	uint8_t scratch[512];
	int got;

	while (!r->ended && r->payload == 0) {
		if (r->skip) {
			got = receive(r, scratch,
				      r->skip < sizeof(scratch)
					      ? r->skip
					      : sizeof(scratch));
			if (got < 0)
				return got;
			r->skip -= (size_t)got;
			continue;
		}
		got = receive(r, r->head + r->head_len,
			      RPC_HEADER - r->head_len);
		if (got < 0)
			return got;
		r->head_len += (size_t)got;
		if (r->head_len == RPC_HEADER)
			take_head(r);
	}
	return 0;
}

static int rpc_recv(struct far *far, void *data, size_t n)
{
	struct far_rpc *r = of(far);
	int got = receive_head(r);

	if (got < 0 || r->ended)
		return got;
	got = receive(r, data, n < r->payload ? n : r->payload);
	if (got > 0)
		r->payload -= (size_t)got;
	return got;
}

static int flush(struct far_rpc *r)
{
	while (r->out_at < r->out_len) {
		ssize_t n = send(r->base.fd, r->out + r->out_at,
				 r->out_len - r->out_at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? FAR_AGAIN : FAR_FAILED;
		r->out_at += (size_t)n;
	}
	r->out_at = r->out_len = 0;
	return 0;
}

static void fill(struct far_rpc *r, enum rpc_status status, const void *data,
		 size_t n)
{
	struct rpc_header header = {
		.length = (uint32_t)(RPC_HEADER + n),
		.program = RPC_PROGRAM,
		.version = RPC_VERSION,
		.procedure = RPC_DOMAIN_OPEN_CONSOLE,
		.type = RPC_STREAM,
		.serial = SERIAL,
		.status = status,
	};

	rpc_pack(&header, r->out);
	if (n)
		memcpy(r->out + RPC_HEADER, data, n);
	r->out_at = 0;
	r->out_len = header.length;
}

static int rpc_send(struct far *far, const void *data, size_t n)
{
	struct far_rpc *r = of(far);
	size_t sent;
	int result;

	if (r->out_len == 0) {
		r->sending = n < VIRT_RPC_CHUNK ? n : VIRT_RPC_CHUNK;
		fill(r, RPC_CONTINUE, data, r->sending);
	}
	result = flush(r);
	if (result < 0)
		return result;
	sent = r->sending;
	r->sending = 0;
	return (int)sent;
}

/* libvirtd answers when the guest has taken all that came before. */
static int rpc_finish(struct far *far)
{
	struct far_rpc *r = of(far);
	int result;

	if (r->finish == FINISH_NO) {
		fill(r, RPC_OK, NULL, 0);
		r->finish = FINISH_ASKED;
	}
	result = flush(r);
	if (result < 0)
		return result;
	return r->finish == FINISH_DONE ? 0 : FAR_AGAIN;
}

static void rpc_want(struct far *far, bool readable, bool writable)
{
	far_fd_want(far, readable, writable || of(far)->out_len > 0);
}

static void rpc_free(struct far *far)
{
	struct far_rpc *r = of(far);

	far_fd_close(&r->base);
	free(r);
}

static const struct far_ops rpc_ops = {
	.recv = rpc_recv,
	.send = rpc_send,
	.finish = rpc_finish,
	.watch = far_fd_watch,
	.want = rpc_want,
	.free = rpc_free,
};

/* A connection of its own, ready for calls; -1: let libvirt do it. */
static int connect_as(const char *uri)
{
	autofree char *path = NULL;
	autofree char *name = NULL;
	autoclose int fd = -1;

	if (!rpc_locate(uri, &path, &name))
		return -1;
	fd = rpc_connect(path);
	if (fd < 0 || rpc_open(fd, name) < 0)
		return -1;
	return steal_fd(&fd);
}

/* remote_domain_open_console_args. */
static void put_arguments(struct job *job, const char *alias, struct buf *out)
{
	unsigned char uuid[VIR_UUID_BUFLEN] = {0};

	virDomainGetUUID(job->domain, uuid);
	rpc_put_string(out, virDomainGetName(job->domain));
	buf_append(out, uuid, sizeof(uuid));
	rpc_put_u32(out, virDomainGetID(job->domain));
	rpc_put_optional_string(out, alias);
	rpc_put_u32(out, job->request->force ? VIR_DOMAIN_CONSOLE_FORCE : 0);
}

static int attach(struct job *job, int fd, const char *alias, struct error *err)
{
	cleanup(rpc_answer_clear) struct rpc_answer answer = {0};
	autobuf arguments = {0};
	virError error = {0};

	put_arguments(job, alias, &arguments);
	if (rpc_call(fd, RPC_DOMAIN_OPEN_CONSOLE, SERIAL, &arguments, &answer) <
	    0)
		return connection_unavailable(job->connection, err);
	if (answer.status == RPC_OK)
		return 0;
	error.code = answer.code;
	error.domain = answer.domain;
	error.message = answer.message;
	return failure_from(job, &error, err);
}

struct far *far_open_rpc(struct job *job, const struct far_line *line,
			 bool *tried, struct error *err)
{
	autoclose int fd = connect_as(connection_uri(job->connection));
	struct far_rpc *r;

	*tried = fd >= 0;
	if (!*tried || attach(job, fd, line->alias, err) < 0)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r) {
		error_set_no_memory(err);
		return NULL;
	}
	r->base.far.ops = &rpc_ops;
	r->base.watch = -1;
	r->base.fd = steal_fd(&fd);
	return &r->base.far;
}
