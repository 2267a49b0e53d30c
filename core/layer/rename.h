/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rename: the redo note in work/rename, carried out at the next open (rename.c). */
#ifndef GAOL_CORE_LAYER_RENAME_H
#define GAOL_CORE_LAYER_RENAME_H

#include "core/err.h"

struct layer;

/* Completes or drops a rename that a crash interrupted. 0 or -errno with e set. */
int rename_recover(struct layer *l, struct err *e);

#endif
