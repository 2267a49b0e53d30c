/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nettape: every frame of a guest's network card, as pcapng into a pipe. */
#ifndef GAOL_CORE_NET_TAPE_H
#define GAOL_CORE_NET_TAPE_H

#include "core/loop.h"
#include "core/vnet.h"

struct nettape;

/*
 * Writes to pipe_fd (taken over) what passes card from now on, until the reader is gone. A reader
 * that is too slow misses frames; nothing waits for it. NULL: errno.
 */
struct nettape *nettape_new(struct loop *l, struct vnet *card, int pipe_fd);
void nettape_free(struct nettape *t); /* NULL is allowed */

#endif
