/*
 * A little of libvirt's RPC protocol, spoken by ourselves to libvirtd's Unix
 * socket: enough to open a serial line on a socket of its own, whose kernel
 * buffers are then the line's backpressure (src/rpc/virnetprotocol.x and
 * src/remote/remote_protocol.x of libvirt 9.0; FACTS.md has the framing).
 *
 * Blocking with a deadline; a worker.
 */
#ifndef VIRTMUX_VIRT_RPC_H
#define VIRTMUX_VIRT_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define RPC_HEADER  28 /* length and six words */
#define RPC_PROGRAM 0x20008086u
#define RPC_VERSION 1

enum rpc_type { RPC_CALL, RPC_REPLY, RPC_MESSAGE, RPC_STREAM };
enum rpc_status { RPC_OK, RPC_ERROR, RPC_CONTINUE };

enum rpc_procedure {
	RPC_CONNECT_OPEN = 1,
	RPC_AUTH_LIST = 66,
	RPC_DOMAIN_OPEN_CONSOLE = 201,
};

struct rpc_header {
	uint32_t length; /* of all, with these 28 bytes */
	uint32_t program, version, procedure, type, serial, status;
};

void rpc_pack(const struct rpc_header *header, uint8_t *bytes);
void rpc_unpack(const uint8_t *bytes, struct rpc_header *header);

/* XDR. */
void rpc_put_u32(struct buf *out, uint32_t value);
void rpc_put_string(struct buf *out, const char *text);
void rpc_put_optional_string(struct buf *out, const char *text);

/* Takes from DATA (LEN bytes left); false where it is too short. */
bool rpc_get_u32(const uint8_t **data, size_t *len, uint32_t *value);

/* remote_nonnull_string behind its presence; to free(), NULL where absent. */
bool rpc_get_optional_string(const uint8_t **data, size_t *len, char **text);

/* What the call answered. */
struct rpc_answer {
	enum rpc_status status; /* RPC_ERROR: code, domain and message */
	struct buf body;
	int code, domain;
	char *message;
};

void rpc_answer_clear(struct rpc_answer *answer);

/* To libvirtd's socket at PATH; -1 without it. Non-blocking. */
int rpc_connect(const char *path);

/*
 * One call and its answer. -1: the connection failed or broke a rule; nothing is
 * known of the call then. SERIAL is chosen by the caller.
 */
int rpc_call(int fd, enum rpc_procedure procedure, uint32_t serial,
	     const struct buf *arguments, struct rpc_answer *answer);

/*
 * Opens URI without its transport ("qemu:///system") on a new connection; -1
 * where it wants authentication, or fails.
 */
int rpc_open(int fd, const char *uri);

/*
 * From a libvirt URI: where libvirtd's socket is, and the name to open there.
 * False: it is not at a Unix socket of this host. Both to free().
 */
bool rpc_locate(const char *uri, char **path, char **name);

#endif
