/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor: can jails run on this machine, and if not, what to do: the checks of `gaol doctor` as
 * data.
 */
#ifndef GAOL_CORE_DOCTOR_H
#define GAOL_CORE_DOCTOR_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>

enum doctor_status {
	DOCTOR_OK,
	DOCTOR_WARN, /* something is missing that jails can do without */
	DOCTOR_FAIL, /* jails cannot run */
};

struct doctor_check {
	/* "kernel image", "user namespaces", "bubblewrap", "seccomp", "landlock", "ptrace",
	 * "windows", "attributes", "space", "limits", "network", "terminal", "boot": stable, also
	 * in --json */
	const char *name;
	enum doctor_status status;
	char detail[256]; /* what was found; may hold foreign text: escape it */
	char remedy[256]; /* what to do; "" when ok */
};

struct doctor_config {
	const char *home; /* $GAOL_HOME; need not exist yet */
	int deadline_ms;  /* for each check that runs a program; 0: 10000 */
	/*
	 * Boots the kernel image and powers off again, within deadline_ms: 0, or -errno with e
	 * set. The launcher lives elsewhere, so the caller gives it; NULL leaves the check out. It
	 * runs in a child process of its own process group.
	 */
	int (*boot)(void *user, const char *kernel, int deadline_ms, struct err *e);
	void *user;
};

#define DOCTOR_MAX 16 /* enough for all checks */

/* Runs all checks in order, tells each to fn as soon as it is known (may be NULL) and fills out
 * (room for max). Returns their number. Never hangs: every program it runs is killed at the
 * deadline. Not for a process with threads (it forks). */
size_t doctor_run(const struct doctor_config *c, struct doctor_check *out, size_t max,
		  void (*fn)(void *user, const struct doctor_check *k), void *fn_user);
/* True when no check failed. */
bool doctor_can_run(const struct doctor_check *k, size_t n);
/* "ok", "warn", "fail". */
const char *doctor_status_name(enum doctor_status s);

#endif
