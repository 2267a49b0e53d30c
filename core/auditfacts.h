/* SPDX-License-Identifier: GPL-2.0-or-later */
/* auditfacts: what /proc says of a guest's processes (proc(5)), gathered for core/audit. */
#ifndef GAOL_CORE_AUDITFACTS_H
#define GAOL_CORE_AUDITFACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct audit_facts {
	uid_t uid;	     /* of the guest's kernel, as our user namespace counts */
	bool uid_ours;	     /* it is root's, or has our user and our user namespace */
	unsigned processes;  /* looked at: the kernel and a stub for each address space */
	uint64_t caps;	     /* all sets of all of them, or'ed */
	bool new_privs;	     /* one may still gain privileges */
	unsigned unfiltered; /* without a seccomp filter */
	bool unseen;	     /* namespaces or descriptors could not be read */
	char shared[128];    /* namespaces that are ours, "" = none; so with the lists below */
	char mounts[256];    /* mount points beyond those that every guest has */
	char files[256];     /* paths that descriptors lead to, beyond its own tmpfs */
	char unlimited[128]; /* limits that are not set */
};

/* Of the guest whose bubblewrap is this process. 0 or -ESRCH. */
int audit_facts(pid_t guest, struct audit_facts *f);

#endif
