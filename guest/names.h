/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names: tells the host which program a process is, as the kernel's proc connector tells init
 * (linux/cn_proc.h): at each fork, exec and change of a name. What does not fit is left out: a name
 * is a comfort, nobody waits for it.
 */
#ifndef GAOL_GUEST_NAMES_H
#define GAOL_GUEST_NAMES_H

#include "guest/init.h"

/* Begins to listen; without a connector nothing happens. */
void names_open(struct init *in);

#endif
