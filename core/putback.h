/* SPDX-License-Identifier: GPL-2.0-or-later */
/* putback: single paths of a jail as a checkpoint has them, while the guest runs. */
#ifndef GAOL_CORE_PUTBACK_H
#define GAOL_CORE_PUTBACK_H

#include "core/err.h"
#include "core/repo/side.h"
#include <stdbool.h>
#include <stdint.h>

struct client;
struct jail;

struct putback {
	const char *const *paths;	 /* NULL-terminated, absolute, no links in them */
	bool force;			 /* also what the guest has open */
	uint64_t made, changed, removed; /* result: entries of either kind */
	/* The first file that is open, when -EBUSY: */
	char *open; /* owned */
	uint64_t nopen;
};

/*
 * Makes each path, with all below it, in the layer behind c what it is in "from": type, content,
 * mode, owner, times, attributes, hard links among what is restored, links; and removes what "from"
 * does not have. What is equal already is not touched. now is the jail's present side. Every file
 * is replaced by a new one, so a program that has the old one open keeps that: such files are
 * refused (-EBUSY, nothing was changed) unless force. 0 or -errno with e set; what was done until
 * then stays. Free p->open.
 */
int putback(struct putback *p, const struct jail *j, struct client *c, struct side *now,
	    struct side *from, struct err *e);

#endif
