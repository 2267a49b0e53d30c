/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own: the host's own addresses, which no jail reaches unless a rule names them, and news of their
 * changes. A socket of the network namespace that it was opened in, wherever its process goes.
 */
#ifndef GAOL_CORE_NET_OWN_H
#define GAOL_CORE_NET_OWN_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct own_address {
	bool v6;
	uint8_t a[16]; /* network order; 4 bytes of it for IPv4 */
};

struct own;

/* Listens to changes from now on. 0 or -errno with e set. */
int own_open(struct own **out, struct err *e);
void own_close(struct own *o); /* NULL is allowed */
/* Readable when something has changed. */
int own_descriptor(const struct own *o);
/* Takes the news off the socket; true when there were any. */
bool own_changed(struct own *o);
/* The addresses now; *list is owned by o and holds until the next call. 0 or -errno with e set. */
int own_list(struct own *o, const struct own_address **list, size_t *n, struct err *e);

#endif
