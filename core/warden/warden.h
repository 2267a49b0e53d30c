/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * warden: the supervisor of one jail: owns its layer, guest, console and checkpoints, and answers
 * clients. One process, one thread, one loop. `gaol warden [--client FD] [--tied] NAME` is
 * internal; programs start it by client_spawn().
 */
#ifndef GAOL_CORE_WARDEN_WARDEN_H
#define GAOL_CORE_WARDEN_WARDEN_H

/* The main function of `gaol warden`. Returns the exit status. */
int warden_main(int argc, char **argv);

#endif
