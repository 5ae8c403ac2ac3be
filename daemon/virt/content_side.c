/*
 * A volume's bytes and holes, in their order: of a file by read, write, SEEK_DATA
 * and FALLOC_FL_PUNCH_HOLE, of anything else by a stream of libvirt. What always
 * holds: nothing outside of the range is read or written.
 */
#include "daemon/virt/content_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/virt/error.h"

static int failed(struct content_side *s, int errnum, const char *deed,
		  struct error *err)
{
	if (errnum == ENOSPC || errnum == EDQUOT)
		return error_set(err, ERROR_FAILED,
				 "the host's storage is full: volume '%s' was "
				 "written up to byte %" PRIu64,
				 s->name, s->at);
	return error_set_errno(err, ERROR_SYSTEM, errnum,
			       "volume '%s' cannot be %s at byte %" PRIu64,
			       s->name, deed, s->at);
}

/* -- streams -------------------------------------------------------------- */

/* FLAG asks for holes, where the driver knows them. */
static int open_stream(struct content_side *s, virStorageVolPtr volume,
		       bool write, unsigned flag)
{
	uint64_t length = s->end == UINT64_MAX ? 0 : s->end - s->at;

	s->stream = virStreamNew(s->job->conn, 0);
	if (!s->stream)
		return -1;
	if ((write ? virStorageVolUpload(volume, s->stream, s->at, length, flag)
		   : virStorageVolDownload(volume, s->stream, s->at, length,
					   flag)) == 0)
		return 0;
	virStreamFree(s->stream);
	s->stream = NULL;
	return -1;
}

static int need_stream(struct content_side *s, virStorageVolPtr volume,
		       bool write, struct error *err)
{
	/* libvirt reads a length of 0 as all. */
	if (s->file >= 0 || s->at == s->end)
		return 0;
	if (s->sparse) {
		unsigned flag = write ? VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM
				      : VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM;

		if (open_stream(s, volume, write, flag) == 0)
			return 0;
		s->sparse = false;
	}
	return open_stream(s, volume, write, 0) < 0 ? failure_set(s->job, err)
						    : 0;
}

int content_side_read(struct content_side *s, virStorageVolPtr volume,
		      struct error *err)
{
	s->extent = s->at;
	return need_stream(s, volume, false, err);
}

int content_side_write(struct content_side *s, virStorageVolPtr volume,
		       struct error *err)
{
	s->job->acting = true;
	return need_stream(s, volume, true, err);
}

/* libvirt has ended the stream itself where it reports an error. */
static int stream_failed(struct content_side *s, struct error *err)
{
	s->broken = true;
	return failure_set(s->job, err);
}

static int next_of_stream(struct content_side *s, uint8_t *to, size_t room,
			  size_t *n, uint64_t *hole, struct error *err)
{
	long long length = 0;
	int got;

	if (!s->sparse)
		got = virStreamRecv(s->stream, (char *)to, room);
	else
		got = virStreamRecvFlags(s->stream, (char *)to, room,
					 VIR_STREAM_RECV_STOP_AT_HOLE);
	if (got == -3 && virStreamRecvHole(s->stream, &length, 0) == 0) {
		*hole = (uint64_t)length;
		return 0;
	}
	if (got < 0)
		return stream_failed(s, err);
	*n = (size_t)got;
	return 0;
}

static int put_to_stream(struct content_side *s, const uint8_t *data, size_t n,
			 struct error *err)
{
	while (n > 0) {
		int sent = virStreamSend(s->stream, (const char *)data, n);

		if (sent < 0)
			return stream_failed(s, err);
		data += sent;
		n -= (size_t)sent;
	}
	return 0;
}

/* -- files ---------------------------------------------------------------- */

/* Finds what begins at s->at: data or a hole, and its end. */
static int find_extent(struct content_side *s, struct error *err)
{
	off_t data = lseek(s->file, (off_t)s->at, SEEK_DATA);
	off_t end;

	if (data < 0 && errno != ENXIO)
		return failed(s, errno, "read", err);
	s->hole = data < 0 || (uint64_t)data > s->at;
	if (s->hole) {
		s->extent = data < 0 ? s->end : (uint64_t)data;
	} else {
		end = lseek(s->file, (off_t)s->at, SEEK_HOLE);
		if (end < 0)
			return failed(s, errno, "read", err);
		s->extent = (uint64_t)end;
	}
	if (s->extent > s->end)
		s->extent = s->end;
	return 0;
}

static int next_of_file(struct content_side *s, uint8_t *to, size_t room,
			size_t *n, uint64_t *hole, struct error *err)
{
	ssize_t got;

	if (s->at == s->extent && find_extent(s, err) < 0)
		return -1;
	if (s->hole) {
		*hole = s->extent - s->at;
		return 0;
	}
	if (room > s->extent - s->at)
		room = (size_t)(s->extent - s->at);
	do {
		got = pread(s->file, to, room, (off_t)s->at);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return failed(s, errno, "read", err);
	if (got == 0)
		return error_set(err, ERROR_FAILED,
				 "volume '%s' became shorter while it was read",
				 s->name);
	*n = (size_t)got;
	return 0;
}

static int put_to_file(struct content_side *s, const uint8_t *data, size_t n,
		       struct error *err)
{
	while (n > 0) {
		ssize_t put = pwrite(s->file, data, n, (off_t)s->at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return failed(s, errno, "written", err);
		data += put;
		n -= (size_t)put;
		s->at += (uint64_t)put;
	}
	return 0;
}

/* A hole of the file system; 1 where it has none. */
static int punch(struct content_side *s, uint64_t n, struct error *err)
{
	struct stat st;
	uint64_t inside;

	if (fstat(s->file, &st) < 0)
		return failed(s, errno, "written", err);
	inside =
		(uint64_t)st.st_size > s->at ? (uint64_t)st.st_size - s->at : 0;
	inside = inside < n ? inside : n;
	if (inside > 0 &&
	    fallocate(s->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)s->at, (off_t)inside) < 0) {
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return 1;
		return failed(s, errno, "written", err);
	}
	if (inside < n && ftruncate(s->file, (off_t)(s->at + n)) < 0)
		return failed(s, errno, "written", err);
	return 0;
}

/* -- both ----------------------------------------------------------------- */

int content_next(struct content_side *s, uint8_t *to, size_t room, size_t *n,
		 uint64_t *hole, struct error *err)
{
	int rc;

	*n = 0;
	*hole = 0;
	if (s->at == s->end)
		return 0;
	if (room > s->end - s->at)
		room = (size_t)(s->end - s->at);
	rc = s->file >= 0 ? next_of_file(s, to, room, n, hole, err)
			  : next_of_stream(s, to, room, n, hole, err);
	if (rc == 0 && *n == 0 && *hole == 0)
		return error_set(err, ERROR_FAILED,
				 "volume '%s' ends at byte %" PRIu64
				 " already: its size has changed",
				 s->name, s->at);
	if (*hole > s->end - s->at)
		*hole = s->end - s->at;
	s->at += *n + *hole;
	return rc;
}

static int check_room(struct content_side *s, uint64_t n, struct error *err)
{
	uint64_t end = s->end == UINT64_MAX ? INT64_MAX : s->end;

	if (n <= end - s->at)
		return 0;
	return error_set(err, ERROR_INVALID_REQUEST,
			 "more content came for volume '%s' than was announced",
			 s->name);
}

int content_put(struct content_side *s, const uint8_t *data, size_t n,
		struct error *err)
{
	if (check_room(s, n, err) < 0)
		return -1;
	if (s->file >= 0)
		return put_to_file(s, data, n, err);
	if (put_to_stream(s, data, n, err) < 0)
		return -1;
	s->at += n;
	return 0;
}

static int put_zeros(struct content_side *s, uint64_t n, struct error *err)
{
	static const uint8_t zeros[64 * 1024];

	while (n > 0) {
		size_t some = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);

		if (content_put(s, zeros, some, err) < 0)
			return -1;
		n -= some;
	}
	return 0;
}

int content_put_hole(struct content_side *s, uint64_t n, struct error *err)
{
	int rc = 1;

	if (n == 0)
		return 0;
	if (check_room(s, n, err) < 0)
		return -1;
	if (s->file >= 0)
		rc = punch(s, n, err);
	else if (s->sparse)
		rc = virStreamSendHole(s->stream, (long long)n, 0) == 0
			     ? 0
			     : stream_failed(s, err);
	if (rc > 0)
		return put_zeros(s, n, err);
	if (rc == 0)
		s->at += n;
	return rc;
}

int content_side_finish(struct content_side *s, struct error *err)
{
	if (!s->stream || s->broken)
		return 0;
	s->broken = true;
	return virStreamFinish(s->stream) < 0 ? failure_set(s->job, err) : 0;
}

void content_side_clear(struct content_side *s)
{
	if (!s->stream)
		return;
	if (!s->broken)
		virStreamAbort(s->stream);
	virStreamFree(s->stream);
}
