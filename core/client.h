/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client: a program's side of the wire: connect to a warden (or start one), call verbs.
 *
 * The calls wait (for CLI verbs); a console program uses client_fd with its own poll and
 * client_send/client_next, which never wait.
 *
 * Verbs, their arguments and results (errors as PROTO_ERROR):
 *
 *   status {}
 *	jail_status
 *   watch {}
 *	jail_status; then PROTO_STATUS pushes
 *   events {}
 *	PROTO_RING with the ring's descriptor
 *   start {"idle": bool}
 *	{} when the guest's init is ready; boots it when it is down. idle: without the main command
 *   stop {"grace_ms": n}
 *	{"exit_status": n or null}. The warden ends after it, unless throw-away. PROTO_PROGRESS
 *	tells the step that has begun, with its limit in ms as total: "told" (init), "halting" (the
 *	guest's kernel), "killing"
 *   kill {}
 *	the same, at once
 *   restart {"grace_ms": n, "idle": bool}
 *	{} when the guest is up again; its viewers stay attached. One that is down is started
 *   pause {}, resume {}
 *	{}: every process of the guest stands still; goes on
 *   wait {"state": "..."}
 *	{"exit_status": n or null} when the jail enters that state; "down": stopped, crashed, failed
 *   sync {}
 *	{"synced": bool}: the guest's data is in the layer
 *   checkpoint {"message": "...", "kind": "hand" or "auto", "always": bool}
 *	{"number", "hash", "added", "modified", "deleted", "bytes", "unchanged", "synced"}
 *   rollback {"id": "..."?}, redo {}
 *	{"number", "hash", "saved": n or 0, "from", "entries", "ended": processes, "unchanged"}
 *   cancel {}
 *	{"cancelled": bool}: the checkpoint under way ends with an error, and nothing is made
 *   put {"path": "...", "mode": n, "uid": n, "gid": n} + descriptor
 *	{"bytes": n}: a host file into the layer
 *   put {"path": "...", "mode": n, "uid": n, "gid": n, "dir": true}
 *	{}: a directory, unless there is one
 *   procs {}
 *	{"processes": [...], "cut": bool} as the guest tells
 *   info {}
 *	{"uptime_ms", "memory_kib", "available_kib", "load": [n, n, n], "tasks"} as the guest tells
 *   keep {}
 *	{}; a throw-away jail is one no longer
 *   discard {}
 *	{}; guest killed, jail removed, warden ends
 *   shutdown {}
 *	{}: the warden of a stopped jail ends
 */
#ifndef GAOL_CORE_CLIENT_H
#define GAOL_CORE_CLIENT_H

#include "core/err.h"
#include "core/jail.h"
#include "core/proto.h"
#include <stdbool.h>

struct client;

/* Connects to a running warden. -ENOENT/-ECONNREFUSED: there is none. */
int client_connect(struct client **out, const struct jail *j, struct err *e);
/*
 * The same without waiting, for programs with a loop: the warden's PROTO_HELLO (or PROTO_ERROR) is
 * the first message of client_next, when it comes. name is a jail's (jail_name_ok).
 */
int client_dial(struct client **out, const struct jail_places *p, const char *name, struct err *e);
/*
 * Starts a warden for a jail that has none (else connects): forks a daemon that has this connection
 * as its first client, waits until it says hello. tied: the jail is thrown away when this
 * connection ends.
 */
int client_spawn(struct client **out, const struct jail *j, bool tied, struct err *e);
void client_free(struct client *c);
/* The socket (SOCK_SEQPACKET, non-blocking), for poll. */
int client_fd(const struct client *c);

/* Progress of a long call: phase, done of total (0: unknown). Return false to go on waiting without
 * (a checkpoint is cancelled by a call of "cancel"). */
typedef void client_progress_fn(void *user, const char *phase, uint64_t done, uint64_t total);

/*
 * Calls a verb and waits. args may be NULL and is taken over (decref'ed). fd >= 0 is passed along
 * (put). *result (may be NULL) is the caller's. 0, or the warden's -errno with its sentence in e;
 * -EPIPE when the warden died.
 */
int client_call(struct client *c, const char *verb, json_t *args, int fd, json_t **result,
		client_progress_fn *progress, void *user, struct err *e);
/* The same for a call that client_send_call has sent: waits for the answer to its tag. */
int client_await(struct client *c, int tag, json_t **result, client_progress_fn *progress,
		 void *user, struct err *e);
/* Calls "events" and maps the ring; NULL with e set. Free with ring_reader_free. */
struct ring_reader;
struct ring_reader *client_ring(struct client *c, struct err *e);

/* Never waiting: sends a call and returns its tag (> 0), or -errno. args as above. */
int client_send_call(struct client *c, const char *verb, json_t *args);
/* Sends any message. */
int client_send(struct client *c, uint16_t type, uint32_t tag, const void *p, size_t n);
struct client_msg {
	struct proto_head head;
	const void *data; /* valid until the next call */
	size_t len;
	int fd; /* -1, or the caller's to close */
};
/* The next message: 1, 0 when none is there now, -EPIPE when the warden is gone, -EPROTO. */
int client_next(struct client *c, struct client_msg *m);
/* Waits for a message up to timeout_ms (-1: for ever): 1, 0, or -errno. */
int client_wait(struct client *c, int timeout_ms);

#endif
