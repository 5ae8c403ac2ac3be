/*
 * libvirt's RPC protocol as far as serial lines need it (rpc.h).
 */
#include "daemon/virt/rpc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "daemon/virt/limits.h"

static void put_word(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

static uint32_t get_word(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

void rpc_pack(const struct rpc_header *header, uint8_t *bytes)
{
	put_word(bytes, header->length);
	put_word(bytes + 4, header->program);
	put_word(bytes + 8, header->version);
	put_word(bytes + 12, header->procedure);
	put_word(bytes + 16, header->type);
	put_word(bytes + 20, header->serial);
	put_word(bytes + 24, header->status);
}

void rpc_unpack(const uint8_t *bytes, struct rpc_header *header)
{
	header->length = get_word(bytes);
	header->program = get_word(bytes + 4);
	header->version = get_word(bytes + 8);
	header->procedure = get_word(bytes + 12);
	header->type = get_word(bytes + 16);
	header->serial = get_word(bytes + 20);
	header->status = get_word(bytes + 24);
}

void rpc_put_u32(struct buf *out, uint32_t value)
{
	uint8_t bytes[4];

	put_word(bytes, value);
	buf_append(out, bytes, sizeof(bytes));
}

void rpc_put_string(struct buf *out, const char *text)
{
	static const uint8_t zeros[3] = {0};
	size_t len = strlen(text);

	rpc_put_u32(out, (uint32_t)len);
	buf_append(out, text, len);
	buf_append(out, zeros, -len & 3);
}

void rpc_put_optional_string(struct buf *out, const char *text)
{
	rpc_put_u32(out, text != NULL);
	if (text)
		rpc_put_string(out, text);
}

bool rpc_get_u32(const uint8_t **data, size_t *len, uint32_t *value)
{
	if (*len < 4)
		return false;
	*value = get_word(*data);
	*data += 4;
	*len -= 4;
	return true;
}

bool rpc_get_optional_string(const uint8_t **data, size_t *len, char **text)
{
	uint32_t present, size;
	size_t padded;

	*text = NULL;
	if (!rpc_get_u32(data, len, &present))
		return false;
	if (!present)
		return true;
	if (!rpc_get_u32(data, len, &size) || size > *len)
		return false;
	padded = ((size_t)size + 3) & ~(size_t)3;
	if (padded > *len)
		return false;
	*text = strndup((const char *)*data, size);
	*data += padded;
	*len -= padded;
	return *text;
}

void rpc_answer_clear(struct rpc_answer *answer)
{
	buf_free(&answer->body);
	free(answer->message);
	memset(answer, 0, sizeof(*answer));
}

static bool wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd ready = {.fd = fd, .events = events};
	uint64_t now;
	int n;

	do {
		now = clock_monotonic_ns();
		if (now >= deadline)
			return false;
		n = poll(&ready, 1,
			 (int)((deadline - now) / CLOCK_NS_PER_MS) + 1);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static int send_all(int fd, const uint8_t *data, size_t len, uint64_t deadline)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN && wait_for(fd, POLLOUT, deadline))
			continue;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int receive_all(int fd, uint8_t *data, size_t len, uint64_t deadline)
{
	while (len) {
		ssize_t n = recv(fd, data, len, 0);

		if (n < 0 && errno == EAGAIN && wait_for(fd, POLLIN, deadline))
			continue;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int rpc_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	autoclose int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return steal_fd(&fd);
}

/* remote_error: code, domain, message, and more that we do not need. */
static int take_error(struct rpc_answer *answer)
{
	const uint8_t *data = buf_bytes(&answer->body);
	size_t len = answer->body.len;
	uint32_t code, domain;

	if (!rpc_get_u32(&data, &len, &code) ||
	    !rpc_get_u32(&data, &len, &domain) ||
	    !rpc_get_optional_string(&data, &len, &answer->message))
		return -1;
	answer->code = (int)code;
	answer->domain = (int)domain;
	return 0;
}

/* The next message; its body in OUT. */
static int receive(int fd, struct rpc_header *header, struct buf *out,
		   uint64_t deadline)
{
	uint8_t bytes[RPC_HEADER];
	size_t len;

	if (receive_all(fd, bytes, sizeof(bytes), deadline) < 0)
		return -1;
	rpc_unpack(bytes, header);
	if (header->length < RPC_HEADER || header->length > VIRT_RPC_ANSWER_MAX)
		return -1;
	len = header->length - RPC_HEADER;
	buf_reset(out);
	if (buf_reserve(out, len + 1) < 0 ||
	    receive_all(fd, buf_end(out), len, deadline) < 0)
		return -1;
	buf_added(out, len);
	return 0;
}

static int send_call(int fd, enum rpc_procedure procedure, uint32_t serial,
		     const struct buf *arguments, uint64_t deadline)
{
	struct rpc_header header = {
		.length = RPC_HEADER + (uint32_t)arguments->len,
		.program = RPC_PROGRAM,
		.version = RPC_VERSION,
		.procedure = procedure,
		.type = RPC_CALL,
		.serial = serial,
	};
	uint8_t bytes[RPC_HEADER];

	rpc_pack(&header, bytes);
	if (send_all(fd, bytes, sizeof(bytes), deadline) < 0)
		return -1;
	return send_all(fd, buf_bytes(arguments), arguments->len, deadline);
}

int rpc_call(int fd, enum rpc_procedure procedure, uint32_t serial,
	     const struct buf *arguments, struct rpc_answer *answer)
{
	uint64_t deadline =
		clock_monotonic_ns() + VIRT_RPC_MS * CLOCK_NS_PER_MS;
	struct rpc_header header;

	if (!buf_ok(arguments) ||
	    send_call(fd, procedure, serial, arguments, deadline) < 0)
		return -1;
	do {
		if (receive(fd, &header, &answer->body, deadline) < 0)
			return -1;
	} while (header.program != RPC_PROGRAM || header.type != RPC_REPLY);
	if (header.serial != serial || header.procedure != procedure)
		return -1;
	answer->status = header.status;
	if (header.status == RPC_ERROR)
		return take_error(answer);
	return header.status == RPC_OK ? 0 : -1;
}

/* Whether libvirtd lets us in as we are: the one type that it lists is 0. */
static bool needs_no_authentication(int fd)
{
	cleanup(rpc_answer_clear) struct rpc_answer answer = {0};
	autobuf none = {0};
	const uint8_t *data;
	uint32_t count, type;
	size_t len;

	if (rpc_call(fd, RPC_AUTH_LIST, 1, &none, &answer) < 0 ||
	    answer.status != RPC_OK)
		return false;
	data = buf_bytes(&answer.body);
	len = answer.body.len;
	return rpc_get_u32(&data, &len, &count) && count == 1 &&
	       rpc_get_u32(&data, &len, &type) && type == 0;
}

int rpc_open(int fd, const char *uri)
{
	cleanup(rpc_answer_clear) struct rpc_answer answer = {0};
	autobuf arguments = {0};

	if (!needs_no_authentication(fd))
		return -1;
	rpc_put_optional_string(&arguments, uri);
	rpc_put_u32(&arguments, 0); /* flags */
	if (rpc_call(fd, RPC_CONNECT_OPEN, 2, &arguments, &answer) < 0)
		return -1;
	return answer.status == RPC_OK ? 0 : -1;
}
