/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calls: which system calls of the host a guest's kernel and its stubs may make, and why.
 *
 * The list is what a User-Mode Linux 7.3 was seen to make (boot, exec, compile, fork storms, pause,
 * power-off; in both modes; with two processors) and what its sources (arch/um/os-Linux) make on
 * paths that were not seen. Everything else fails with EPERM (clone3 with ENOSYS, so that the C
 * library falls back to clone, whose flags can be seen). Nothing is killed: UML's own filter in
 * trusting mode returns SECCOMP_RET_TRAP, which wins over ERRNO and would lose against KILL
 * (seccomp(2)).
 */
#ifndef GAOL_CORE_WALL_CALLS_H
#define GAOL_CORE_WALL_CALLS_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum call_mode {
	CALL_SAFE = 1 << 0,	/* guest processes under ptrace */
	CALL_TRUSTING = 1 << 1, /* under a filter of UML's own */
	CALL_ALWAYS = CALL_SAFE | CALL_TRUSTING,
};

/* A system call that is allowed when argument arg, masked, has one of the values. */
struct call_rule {
	const char *name;
	const char *why;
	unsigned modes;
	int arg; /* number of the argument that is looked at; used when nvalues is not 0 */
	uint64_t mask;
	const uint64_t *values;
	size_t nvalues;
};

/* The rules; *n is their number. Constant. */
const struct call_rule *calls_rules(size_t *n);

/*
 * The filter as an array of struct sock_filter in a memory file, for seccomp(2), read from its
 * start. The descriptor (close-on-exec), or -errno with e set.
 */
int calls_filter(bool trusting, struct err *e);

#endif
