/*
 * One request of a transfer: a file as the body of a PUT, and the body of a GET into
 * a file (transfer_private.h). What always holds: t->done never counts a byte that
 * was not handed over, nor a hole that was not made.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "base/buf.h"
#include "base/sparse.h"
#include "client/connect/channel.h"
#include "client/transfer_private.h"

#define CHUNK ((size_t)128 * 1024)

/* -- up -------------------------------------------------------------------- */

struct sending {
	struct transfer *t;
	struct progress *progress;
	struct digest *digest;
	struct buf out;
	uint64_t at;    /* of the range: read so far */
	uint64_t until; /* of the known extent */
	bool hole;
	bool ended;       /* the last record is in OUT */
	struct error why; /* the file's fault */
};

static void put_header(struct sending *s, enum sparse_kind kind, uint64_t n)
{
	uint8_t header[SPARSE_HEADER];

	sparse_header(header, kind, n);
	buf_append(&s->out, header, sizeof(header));
}

/* The host is told, and answers with the same words. */
static void put_failure(struct sending *s, int errnum)
{
	static const char words[] = "system: the file cannot be read";

	error_set_errno(&s->why, ERROR_SYSTEM, errnum,
			"the file cannot be read at byte %" PRIu64, s->at);
	put_header(s, SPARSE_FAILURE, sizeof(words) - 1);
	buf_append(&s->out, words, sizeof(words) - 1);
	s->ended = true;
}

static void put_end(struct sending *s)
{
	uint8_t sum[DIGEST_BYTES];

	digest_finish(s->digest, sum);
	digest_text(sum, s->t->sha256);
	put_header(s, SPARSE_END, sizeof(sum));
	buf_append(&s->out, sum, sizeof(sum));
	s->ended = true;
}

static void put_hole(struct sending *s)
{
	uint64_t n = s->until - s->at;

	put_header(s, SPARSE_HOLE, n);
	digest_add_zeros(s->digest, n);
	s->at = s->until;
}

static void put_data(struct sending *s)
{
	size_t n =
		s->until - s->at < CHUNK ? (size_t)(s->until - s->at) : CHUNK;
	ssize_t got;

	if (buf_reserve(&s->out, SPARSE_HEADER + n) < 0) {
		put_failure(s, ENOMEM);
		return;
	}
	do {
		got = pread(s->t->fd, buf_end(&s->out) + SPARSE_HEADER, n,
			    (off_t)s->at);
	} while (got < 0 && errno == EINTR);
	if (got <= 0) {
		put_failure(s, got < 0 ? errno : ENODATA);
		return;
	}
	digest_add(s->digest, buf_end(&s->out) + SPARSE_HEADER, (size_t)got);
	sparse_header(buf_end(&s->out), SPARSE_DATA, (uint64_t)got);
	buf_added(&s->out, SPARSE_HEADER + (size_t)got);
	s->at += (uint64_t)got;
}

/* The next record into OUT, which is empty. */
static void produce(struct sending *s)
{
	buf_reset(&s->out);
	if (s->at == s->t->length) {
		put_end(s);
		return;
	}
	if (s->at == s->until &&
	    !(s->t->sparse && transfer_extent(s->t->fd, s->at, s->t->length,
					      &s->hole, &s->until))) {
		s->hole = false;
		s->until = s->t->length;
	}
	if (s->hole)
		put_hole(s);
	else
		put_data(s);
}

static size_t source_ready(void *context, bool *end)
{
	struct sending *s = context;

	if (!s->out.len && !s->ended)
		produce(s);
	*end = s->ended;
	return s->out.len;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct sending *s = context;

	memcpy(to, buf_bytes(&s->out), n);
	buf_consume(&s->out, n);
	if (s->out.len)
		return;
	s->t->done = s->at;
	progress_tell(s->progress, s->at, s->t->length);
}

static const struct h2_source source = {.ready = source_ready,
					.take = source_take};

static int put_range(struct sending *s, struct channel *channel,
		     struct error *err)
{
	struct transfer *t = s->t;
	char range[96];
	const struct h2_header headers[] = {
		{"content-type", SPARSE_MEDIA_TYPE},
		{"content-range", range},
	};
	const struct channel_transfer request = {
		.method = "PUT",
		.path = t->path,
		.headers = headers,
		.headers_count = t->length > t->done ? 2 : 1,
		.source = &source,
		.source_context = s,
	};

	snprintf(range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/*",
		 t->offset + t->done, t->offset + t->length - 1);
	return channel_transfer(channel, &request, NULL, err);
}

int transfer_send(struct transfer *t, struct channel *channel,
		  struct progress *progress, struct error *err)
{
	struct sending s = {
		.t = t,
		.progress = progress,
		.at = t->done,
		.until = t->done,
	};
	int rc;

	if (digest_new(&s.digest, err) < 0)
		return -1;
	rc = put_range(&s, channel, err);
	if (error_is_set(&s.why))
		rc = error_move(err, &s.why);
	error_clear(&s.why);
	digest_free(s.digest);
	buf_free(&s.out);
	return rc;
}

/* -- down ------------------------------------------------------------------ */

struct receiving {
	struct transfer *t;
	struct progress *progress;
	struct digest *digest;
	struct sparse_reader reader;
	unsigned status;
	uint64_t size; /* of the volume */
};

static int write_data(void *context, const uint8_t *data, size_t n,
		      struct error *err)
{
	struct receiving *r = context;
	struct transfer *t = r->t;

	digest_add(r->digest, data, n);
	while (n > 0) {
		ssize_t put = pwrite(t->fd, data, n, (off_t)t->done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "the file cannot be written");
		t->done += (uint64_t)put;
		data += put;
		n -= (size_t)put;
	}
	return 0;
}

/* What lies beyond t->done was cut away before: it is a hole already. */
static int write_hole(void *context, uint64_t n, struct error *err)
{
	struct receiving *r = context;
	struct transfer *t = r->t;

	if (n > INT64_MAX - t->done ||
	    ftruncate(t->fd, (off_t)(t->done + n)) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "the file cannot be written");
	digest_add_zeros(r->digest, n);
	t->done += n;
	return 0;
}

static int check_end(void *context, const uint8_t sha256[DIGEST_BYTES],
		     struct error *err)
{
	struct receiving *r = context;
	uint8_t sum[DIGEST_BYTES];
	char theirs[DIGEST_TEXT_SIZE];

	digest_finish(r->digest, sum);
	digest_text(sum, r->t->sha256);
	if (memcmp(sum, sha256, sizeof(sum)) == 0)
		return 0;
	digest_text(sha256, theirs);
	return error_set(err, ERROR_FAILED,
			 "the checksum is wrong: SHA-256 %s was sent, %s came",
			 theirs, r->t->sha256);
}

static int sink(void *context, const uint8_t *data, size_t len,
		struct error *err)
{
	static const struct sparse_events events = {write_data, write_hole,
						    check_end};
	struct receiving *r = context;

	if (sparse_read(&r->reader, &events, r, data, len, err) < 0)
		return -1;
	progress_tell(r->progress, r->t->done, r->t->length);
	return 0;
}

static void on_response(void *context, struct h2_stream *stream)
{
	struct receiving *r = context;
	const char *size = h2_stream_header(stream, "virtmux-volume-size");

	r->status = h2_stream_status(stream);
	r->size = size ? strtoull(size, NULL, 10) : 0;
	if (r->t->length == UINT64_MAX && r->size >= r->t->offset)
		r->t->length = r->size - r->t->offset;
}

static int get_range(struct receiving *r, struct channel *channel,
		     struct error *err)
{
	struct transfer *t = r->t;
	char range[96];
	bool part = t->offset + t->done > 0 || t->length != UINT64_MAX;
	const struct h2_header headers[] = {
		{"accept", SPARSE_MEDIA_TYPE},
		{"range", range},
	};
	const struct channel_transfer request = {
		.method = "GET",
		.path = t->path,
		.headers = headers,
		.headers_count = part ? 2 : 1,
		.sink = sink,
		.sink_context = r,
		.on_response = on_response,
	};

	snprintf(range, sizeof(range), "bytes=%" PRIu64 "-",
		 t->offset + t->done);
	if (t->length != UINT64_MAX)
		snprintf(range, sizeof(range), "bytes=%" PRIu64 "-%" PRIu64,
			 t->offset + t->done, t->offset + t->length - 1);
	if (channel_transfer(channel, &request, NULL, err) < 0)
		return -1;
	if (r->reader.ended && r->status == (part ? 206u : 200u))
		return 0;
	return error_set(err, ERROR_DISCONNECTED,
			 "the host ended the content before it was complete");
}

int transfer_receive(struct transfer *t, struct channel *channel,
		     struct progress *progress, struct error *err)
{
	struct receiving r = {.t = t, .progress = progress};
	int rc;

	if (ftruncate(t->fd, (off_t)t->done) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "the file cannot be written");
	if (digest_new(&r.digest, err) < 0)
		return -1;
	rc = get_range(&r, channel, err);
	digest_free(r.digest);
	return rc;
}
