/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * learn: the least jail.conf with which a jail could do what it was seen to do, from its events.
 *
 * A place is a directory of the host that jail.conf or its profile shows: each one below "/", and
 * each with a [path] section. One that was never changed becomes read, one that was neither read nor
 * changed hide (only where reads were recorded: [events] reads). Names that were reached become the
 * rules of a network of mode list, and without any there is none. What was refused stays so: it is
 * told, and whoever reads it decides.
 */
#ifndef GAOL_CORE_LEARN_H
#define GAOL_CORE_LEARN_H

#include "core/conf.h"
#include "core/event.h"

#define LEARN_TOLD_MAX 200 /* refusals and flows that are kept apart; more are only counted */

struct learn;

/* Something that happened often. */
struct learn_told {
	char *what; /* a path, or a rule; foreign bytes: escape it */
	uint64_t times;
};

struct learn_facts {
	uint64_t events, reads, changes, flows;
	const struct learn_told *denied; /* paths that were refused, in the order of the first */
	size_t ndenied;
	const struct learn_told *blocked; /* targets on the network, as told */
	size_t nblocked;
	uint64_t more; /* of both beyond LEARN_TOLD_MAX */
};

/*
 * c is the present jail.conf (not taken over, must live as long). base: the names of the directories
 * of the host's root, n of them. NULL with e set (-EINVAL: c makes no sense).
 */
struct learn *learn_new(const struct conf *c, const char *const *base, size_t n, struct err *e);
void learn_free(struct learn *l);
/* One event, in order. */
void learn_event(struct learn *l, const struct event *ev);
/* What was seen; strings live as long as l. */
void learn_facts(const struct learn *l, struct learn_facts *f);
/* Changes out, a copy of the present jail.conf, into the proposal. 0 or -EINVAL with e set. */
int learn_propose(const struct learn *l, struct conf *out, struct err *e);

#endif
