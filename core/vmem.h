/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmem: the memory of a guest, mapped from the descriptors of a vhost-user memory table.
 *
 * The guest keeps those descriptors and may truncate the files behind them at any time. Touching
 * a page that is gone raises SIGBUS; the handler of this module maps anonymous zeros over the whole
 * region, so that the access goes on and vmem_is_broken says what happened. (System calls on such
 * memory give EFAULT without a signal.)
 *
 * The one file-scope mutable state of the project lives in vmem.c: the table of mapped regions that
 * the signal handler, which gets no argument, has to search: VMEM_SLOTS entries, shared by all
 * devices of the process, changed only from the thread that runs the loop.
 */
#ifndef GAOL_CORE_VMEM_H
#define GAOL_CORE_VMEM_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMEM_REGIONS 8 /* of one memory table */
#define VMEM_SLOTS 128 /* of the process */

struct vmem_region {
	uint64_t gpa;  /* guest physical address */
	uint64_t uva;  /* address in the frontend's own space, used by ring addresses only */
	uint64_t size; /* bytes */
	uint8_t *p;    /* where it is mapped here */
	int slot;      /* in the process's table */
};

struct vmem {
	size_t n;
	struct vmem_region r[VMEM_REGIONS];
};

/*
 * Maps one more region of size bytes at offset of fd (not taken over). fd must be a regular file of
 * tmpfs (a memfd or UML's physmem): only there a page fault never waits for somebody else.
 * 0 or -errno with e set.
 */
int vmem_add(struct vmem *m, int fd, uint64_t gpa, uint64_t size, uint64_t uva, uint64_t offset,
	     struct err *e);
/* Unmaps all regions. */
void vmem_clear(struct vmem *m);
/* True when the guest took memory away that we touched. */
bool vmem_is_broken(const struct vmem *m);
/* The len bytes at a guest physical address, or NULL when they do not lie in one region. */
void *vmem_at(const struct vmem *m, uint64_t gpa, uint64_t len);
/* The same for an address of the frontend (VHOST_USER_SET_VRING_ADDR). */
void *vmem_at_uva(const struct vmem *m, uint64_t uva, uint64_t len);

#endif
