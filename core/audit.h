/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit: what a jail can reach, seen from outside: of its jail.conf, and of its kernel's process as
 * /proc shows it. Nothing inside is asked.
 */
#ifndef GAOL_CORE_AUDIT_H
#define GAOL_CORE_AUDIT_H

#include "core/conf.h"
#include "core/jail.h"

enum audit_verdict {
	AUDIT_OK,      /* closed, or open in a way that cannot hurt the host */
	AUDIT_OPEN,    /* its admin opened it */
	AUDIT_UNKNOWN, /* could not be looked at */
	AUDIT_MISSING, /* a wall that should stand does not */
};

struct audit_line {
	/* "path", "speed", "network", "rule", "port", "disk", "files" and, of a running guest, "user",
	 * "capabilities", "privileges", "calls", "landlock", "namespaces", "mounts", "descriptors",
	 * "limits": stable, also in --json */
	const char *name;
	enum audit_verdict verdict;
	char detail[512]; /* may hold foreign text: escape it */
};

typedef void audit_fn(void *user, const struct audit_line *l);

/* What its configuration gives, line by line. 0 or -EINVAL with e set. */
int audit_conf(const struct conf *c, audit_fn *fn, void *user, struct err *e);
/*
 * The walls of the guest below the process guest (struct jail_status: bubblewrap's), each of its
 * processes looked at. 0; -ESRCH when there is none (any more).
 */
int audit_guest(pid_t guest, audit_fn *fn, void *user);

/* "ok", "open", "unknown", "MISSING". */
const char *audit_verdict_name(enum audit_verdict v);

#endif
