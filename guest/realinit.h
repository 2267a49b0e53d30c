/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * realinit: a system's own init as pid 1, and gaol's beside it ([jail] init).
 */
#ifndef GAOL_GUEST_REALINIT_H
#define GAOL_GUEST_REALINIT_H

#include <stdbool.h>

/*
 * Forks: the parent, pid 1, becomes the program path on the console; the child goes on as gaol's
 * init and gets true. name: our argv[0], marked so that systemd does not end us with the rest at its
 * shutdown (systemd.io, "Storage Daemons for the Root File System"). A program that cannot be run is
 * told on the console, and the kernel panics, as without any init. False: no second process.
 */
bool realinit_fork(const char *path, char *name);

#endif
