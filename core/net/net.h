/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net: the process that is a jail's network, and what it says to the warden.
 *
 * Two processes: the *path* moves packets (the guest's network card, libslirp; its sockets are in
 * the host's network namespace), the *room* lives in the jail's own namespaces and decides. The
 * warden starts the path, the path forks the room; each ends when the other does, and then nothing
 * crosses any more: the namespace, its taps and the guest's card go with them.
 *
 *	guest --virtio-- path --tap "jail"-- [room: rules, routes] --tap "out"-- path --sockets--
 *
 * The wire is core/proto.h's, with the types below. Descriptors that the path is started with:
 */
#ifndef GAOL_CORE_NET_NET_H
#define GAOL_CORE_NET_NET_H

#include <stdint.h>

enum { NET_FD_CONTROL = 3, NET_FD_DEVICE = 4, NET_FD_ROOM = 5 };

#define NET_RULES_MAX (4 << 20) /* bytes of the text of all rules */

enum net_type {
	/*
	 * warden -> path, first: {"mode": "open", "mac": "02:...", "uid": n (0: stay who you are),
	 * "rate": n, "quota": n, "spent": n, "publish": ["127.0.0.1:80:80", ...]}
	 */
	NET_CONFIG = 64,
	/* path -> warden: everything stands: {"v6": bool}; or it does not: {"error": "..."} */
	NET_READY = 65,
	NET_FAILED = 66,
	/* path -> warden, once a second when they changed: {"in": bytes, "out": bytes} */
	NET_COUNT = 67,
	/* path -> warden: the quota is used up: {} */
	NET_SPENT = 68,
	/* warden -> path: every frame goes, as pcapng, into the pipe that comes along, in place of
	 * an earlier one: {} */
	NET_PCAP = 69,
	/*
	 * On the room's own socket to the warden (NET_FD_ROOM); an answer has its question's tag.
	 *
	 * warden -> room, first, and whenever jail.conf's rules change: {} with a descriptor of a
	 * file that holds {"allow": [...], "deny": [...]}. Connections that may be no more are cut.
	 */
	NET_RULES = 72,
	/* warden -> room: {"id": n, "word": "once", "minutes": n}; see judge_answer. Answered by
	 * NET_LISTED {"done": bool} */
	NET_ANSWER = 73,
	/* warden -> room: {}; answered by NET_LISTED {"queue", "waiting", "rules", "flows"} */
	NET_LIST = 74,
	NET_LISTED = 75,
	/* room -> warden: {"op": n, "err": n, "path": "", "path2": "", "bytes": n, "pid": n,
	 * "uid": n, "comm": ""}: class net */
	NET_EVENT = 76,
	/* room -> warden: {"questions": n} wait for an admin */
	NET_WAITING = 77,
	/*
	 * room -> warden: {"who": [{"id", "proto", "address", "port", "from"}]}: which programs are
	 * they? At most CHAN_MAX_SOCKETS of them. Answered in the end, unless the guest hangs, by
	 * NET_TOLD {"who": [{"id", "pid", "uid", "comm", "command"}]} with those that are known.
	 */
	NET_WHO = 78,
	NET_TOLD = 81,
	/*
	 * room -> path, first where the path is root: the network namespace, as a descriptor: {}.
	 * Answered by two of the same type with a descriptor of /dev/net/tun for it each, because
	 * many hosts let nobody but root open that. On failure the path ends.
	 */
	NET_TUN = 79,
	/* room -> path: a tap, with its descriptor: {"tap": "jail"|"out", "v6": bool} */
	NET_TAP = 80,
};

/* The verb `gaol netpath`: becomes the path. Returns the exit status. */
int net_main(int argc, char **argv);

#endif
