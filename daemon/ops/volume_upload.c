/*
 * The content of volumes, written: PUT of a volume. The stream's bytes go into one
 * end of a pair of sockets; a worker of virt reads the other and writes the volume.
 * The stream's window is opened by what the worker has taken, so that a slow disk
 * stops its sender and nobody else.
 *
 * What always holds: one upload at a time to a volume; it ends when the worker has
 * ended, also where the peer went before: then nobody reads the answer.
 */
#include "daemon/ops/room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/ops/content_range.h"
#include "daemon/ops/transfer.h"
#include "daemon/virt/content.h"

struct upload {
	struct upload *next; /* ops->uploads */
	struct ops *ops;
	struct call *call;
	const struct volume_upload_params *params;
	char *key; /* of the volume, which nobody else may write to */
	char *name;
	struct h2_stream
		*stream; /* NULL before it is taken and after its end */
	int fd;          /* -1: closed */
	uv_poll_t poll;
	bool polled; /* poll is a handle of the loop */
	struct buf held;
	bool ended; /* the peer has sent all */
	bool sparse;
	uint64_t offset;
	uint64_t length; /* UINT64_MAX: not known */
	uint64_t bytes_in;
};

/* -- the end -------------------------------------------------------------- */

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Takes it off the list, lets go of the socket, and frees U, perhaps later. */
static void release(struct upload *u)
{
	for (struct upload **p = &u->ops->uploads; *p; p = &(*p)->next)
		if (*p == u) {
			*p = u->next;
			break;
		}
	buf_free(&u->held);
	free(u->key);
	free(u->name);
	if (u->polled)
		uv_close((uv_handle_t *)&u->poll, on_poll_closed);
	cleanup_close(&u->fd);
	if (!u->polled)
		free(u);
}

static void fail(struct upload *u, struct error *err)
{
	struct call *call = u->call;

	/* Or a peer that sends all before it reads would wait for a window. */
	if (u->stream && u->held.len)
		h2_stream_consume(u->stream, u->held.len);
	transfer_end(call);
	release(u);
	call_fail(call, err);
}

/* -- bytes ---------------------------------------------------------------- */

/* The worker sees the end of what there is. */
static void pass_end(struct upload *u)
{
	if (u->ended && !u->held.len && u->fd >= 0)
		shutdown(u->fd, SHUT_WR);
}

/* Bytes that the socket took. */
static size_t write_some(struct upload *u, const uint8_t *data, size_t len)
{
	ssize_t n;

	do {
		n = send(u->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	u->bytes_in += (uint64_t)n;
	if (u->stream)
		h2_stream_consume(u->stream, (size_t)n);
	return (size_t)n;
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
	struct upload *u = poll->data;

	buf_consume(&u->held, write_some(u, buf_bytes(&u->held), u->held.len));
	if (u->held.len && status == 0)
		return;
	uv_poll_stop(poll);
	pass_end(u);
}

static void take(struct upload *u, const uint8_t *data, size_t len)
{
	size_t n = 0;

	if (!u->held.len)
		n = write_some(u, data, len);
	if (n == len)
		return;
	if (buf_append(&u->held, data + n, len - n) < 0)
		h2_stream_reset(u->stream, H2_INTERNAL_ERROR);
	else
		uv_poll_start(&u->poll, UV_WRITABLE, on_writable);
}

static void on_data(void *context, struct h2_stream *s, const uint8_t *data,
		    size_t len)
{
	take(context, data, len);
}

static void on_end(void *context, struct h2_stream *s)
{
	struct upload *u = context;

	u->ended = true;
	pass_end(u);
}

/* The worker ends when it finds the socket closed. */
static void on_closed(void *context, struct h2_stream *s, uint32_t code)
{
	struct upload *u = context;

	u->stream = NULL;
	uv_poll_stop(&u->poll);
	shutdown(u->fd, SHUT_RDWR);
}

static const struct h2_handler handler = {
	.on_data = on_data,
	.on_end = on_end,
	.on_closed = on_closed,
};

static void cut(void *context)
{
	struct upload *u = context;

	if (u->stream)
		h2_stream_reset(u->stream, H2_INADEQUATE_SECURITY);
}

/* -- the answer ----------------------------------------------------------- */

static void answer(struct upload *u, const struct virt_content_moved *moved)
{
	char sum[DIGEST_TEXT_SIZE];
	const struct volume_upload result = {
		.pool = u->params->pool,
		.name = u->name,
		.offset = u->offset,
		.length = moved->bytes,
		.sha256 = sum,
	};
	struct call *call = u->call;

	digest_text(moved->sha256, sum);
	transfer_end(call);
	call_return(call, &result);
	release(u);
}

static void orphan(struct upload *u, struct error *why)
{
	struct call *call = u->call;
	uint64_t bytes = u->bytes_in;

	if (!error_is_set(why))
		error_set(why, ERROR_DISCONNECTED,
			  "the peer went before it had the answer");
	transfer_end(call);
	release(u);
	call_finish(call, why, bytes, 0);
}

static void on_received(void *context, struct virt_reply *reply)
{
	struct upload *u = context;

	if (!u->stream)
		orphan(u, &reply->error);
	else if (error_is_set(&reply->error))
		fail(u, &reply->error);
	else
		answer(u, reply->value.noun.data);
}

/* -- the beginning -------------------------------------------------------- */

static bool is_written(const struct upload *u)
{
	for (const struct upload *k = u->ops->uploads; k; k = k->next)
		if (k != u && k->key && strcmp(k->key, u->key) == 0)
			return true;
	return false;
}

/* The loop's end of the socket. */
static int watch(struct upload *u, int fd, struct error *err)
{
	int rc;

	u->fd = fd;
	rc = uv_poll_init(u->ops->uv, &u->poll, fd);
	if (rc < 0)
		return error_set_errno(err, ERROR_SYSTEM, -rc,
				       "a transfer cannot begin");
	u->poll.data = u;
	u->polled = true;
	return 0;
}

static int take_stream(struct upload *u, struct call_early *early,
		       struct error *err)
{
	u->stream = call_take_stream(u->call, &handler, u, early);
	if (!u->stream)
		return error_set(err, ERROR_DISCONNECTED, "the peer has gone");
	call_set_cut(u->call, cut, u);
	return 0;
}

static int begin(struct upload *u, struct virt_content *content,
		 struct error *err)
{
	struct virt_content_plan plan = {
		.ref = {u->params->pool, u->params->volume},
		.offset = u->offset,
		.length = u->length,
		.sparse = u->sparse,
	};
	struct virt_done done = {.fn = on_received, .context = u};
	struct call_early early;
	int sockets[2];

	if (transfer_sockets(sockets, err) < 0)
		return -1;
	plan.socket = sockets[1];
	if (watch(u, sockets[0], err) < 0 || take_stream(u, &early, err) < 0) {
		close(sockets[1]);
		return -1;
	}
	plan.file = steal_fd(&content->file);
	u->ended = early.end;
	if (virt_content_receive(ops_virt(u->call), &plan, done, err) < 0) {
		u->held = early.data;
		return -1;
	}
	if (early.data.len)
		take(u, buf_bytes(&early.data), early.data.len);
	buf_free(&early.data);
	pass_end(u);
	return 0;
}

static void on_opened(void *context, struct virt_reply *reply)
{
	struct upload *u = context;
	struct virt_content *content = reply->value.noun.data;
	autoerror err = {0};

	if (error_is_set(&reply->error)) {
		fail(u, &reply->error);
		return;
	}
	u->key = steal(&content->key);
	u->name = steal(&content->name);
	if (is_written(u))
		error_set(&err, ERROR_BUSY,
			  "volume '%s' is being written already: try again "
			  "when that upload has ended",
			  u->name);
	else if (begin(u, content, &err) == 0)
		return;
	fail(u, &err);
}

/* Where it is to be written, by content-range or the length of the body. */
static int read_headers(struct upload *u, struct error *err)
{
	const char *range = call_header(u->call, "content-range");
	const char *length = call_header(u->call, "content-length");

	u->sparse = transfer_is_sparse(call_header(u->call, "content-type"));
	u->length = UINT64_MAX;
	if (range) {
		if (range_parse_content(range, &u->offset, &u->length))
			return 0;
		return error_set(err, ERROR_INVALID_REQUEST,
				 "content-range is 'bytes FIRST-LAST/TOTAL' or "
				 "'bytes FIRST-LAST/*', not '%.64s'",
				 range);
	}
	if (length && !u->sparse)
		u->length = strtoull(length, NULL, 10);
	return 0;
}

void op_volume_upload(struct call *call,
		      const struct volume_upload_params *params)
{
	struct virt_volume_ref ref = {params->pool, params->volume};
	struct virt_done done = {.fn = on_opened};
	struct upload *u = NULL;
	autoerror err = {0};

	if (!transfer_begin(call))
		return;
	u = calloc(1, sizeof(*u));
	if (!u) {
		error_set_no_memory(&err);
		transfer_end(call);
		call_fail(call, &err);
		return;
	}
	u->ops = ops_of(call);
	u->call = call;
	u->params = params;
	u->fd = -1;
	u->next = u->ops->uploads;
	u->ops->uploads = u;
	done.context = u;
	if (read_headers(u, &err) < 0 ||
	    virt_content_open(ops_virt(call), &ref, true, done, &err) < 0)
		fail(u, &err);
}
