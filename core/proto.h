/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proto: the wire between a warden and its clients: SOCK_SEQPACKET on RUN/NAME/sock, so the kernel
 * keeps message borders. One message = struct proto_head + payload of at most PROTO_MAX bytes.
 * Control payloads are one JSON object (jansson), data payloads are raw bytes.
 * Bump PROTO_VERSION if any of these change.
 */
#ifndef GAOL_CORE_PROTO_H
#define GAOL_CORE_PROTO_H

#include "core/err.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROTO_VERSION 1
#define PROTO_MAX 65536
#define CONSOLES_MAX 9 /* of a jail: NAME:1, the guest's own, to NAME:9 */

struct proto_head {
	uint16_t version;
	uint16_t type; /* enum proto_type */
	uint32_t tag;  /* chosen by the client: pairs answers with calls, names exec streams */
};

enum proto_type {
	/* warden -> client, first: {"name":...,"status":{...}} */
	PROTO_HELLO = 1,
	PROTO_CALL = 2,	    /* client: {"verb": "...", "args": {...}} */
	PROTO_RESULT = 3,   /* warden: the verb's result object */
	PROTO_ERROR = 4,    /* warden: {"error": "what: why: what to do", "code": errno} */
	PROTO_PROGRESS = 5, /* warden: {"phase": "...", "done": n, "total": n} */
	PROTO_STATUS = 6,   /* warden, after verb "watch": a jail_status whenever it changed */
	PROTO_RING = 7,	    /* warden, answer to verb "events": carries the ring's descriptor */
	PROTO_ARM =
	    8, /* client: wake me once when the ring holds more than seq (payload uint64_t) */
	PROTO_WAKE = 9, /* warden: it does */

	/* client: {"rows":n,"cols":n,"readonly":bool,"replay":bool,"keys":bool}; another console
	 * than 1 also {"console":2..9,"term":"..."}: begun by the first who attaches */
	PROTO_ATTACH = 16,
	PROTO_CONSOLE_IN = 17,	 /* client: raw keys */
	PROTO_CONSOLE_OUT = 18,	 /* warden: raw, unfiltered guest bytes */
	PROTO_CONSOLE_SIZE = 19, /* client: struct proto_size */
	PROTO_CONSOLE_LOST = 20, /* warden: uint64_t bytes that this viewer was too slow for */
	PROTO_DETACH = 21,	 /* client */
	PROTO_CONSOLE_ROOM =
	    22, /* warden: uint32_t bytes of input it takes now (input is never dropped) */
	PROTO_CONSOLE_KEYS = 23, /* warden, to viewers that asked for "keys": what others type */
	PROTO_CONSOLE_END = 24,	 /* warden: this console is over, and why (may hold guest bytes) */

	PROTO_EXEC = 32, /* client: see warden_exec.c: argv, env, cwd, user or uid/gid/groups, pty,
			    rows, cols */
	PROTO_EXEC_STARTED = 33, /* warden: {"pid": n} */
	PROTO_EXEC_FAILED = 34,	 /* warden: {"errno": n, "error": "..."} */
	PROTO_EXEC_IN = 35,	 /* client: raw stdin */
	PROTO_EXEC_OUT = 36,	 /* warden: raw stdout (or pty) */
	PROTO_EXEC_ERR = 37,	 /* warden: raw stderr */
	PROTO_EXEC_EOF = 38,	 /* client: end of stdin */
	PROTO_EXEC_SIGNAL = 39,	 /* client: uint32_t signo */
	PROTO_EXEC_SIZE = 40,	 /* client: struct proto_size */
	PROTO_EXEC_EXIT = 41,	 /* warden: uint32_t wait status, after all output */
	PROTO_EXEC_ROOM = 42,	 /* warden: uint32_t further bytes of stdin that it takes */
};

struct proto_size {
	uint16_t rows;
	uint16_t cols;
};

/*
 * Sends one message, with fd passed along when fd >= 0. Returns 0, -EAGAIN when the socket is full
 * (non-blocking), -EMSGSIZE, or -errno. Never raises SIGPIPE.
 */
int proto_send(int sock, uint16_t type, uint32_t tag, const void *p, size_t n, int fd);
int proto_send_json(int sock, uint16_t type, uint32_t tag, const json_t *o, int fd);
/*
 * Receives one message into h and buf[PROTO_MAX]; returns the payload's length, -EPIPE at the end
 * of the connection, -EPROTO for what is no message of ours, -EAGAIN, or -errno. A passed
 * descriptor is put in *fd (else -1); the caller owns it. fd may be NULL: surplus descriptors are
 * closed.
 */
ssize_t proto_recv(int sock, struct proto_head *h, void *buf, int *fd);
/* Parses a JSON payload (bounded depth); NULL when it is no object. The caller decrefs. */
json_t *proto_json(const void *p, size_t n);

#endif
