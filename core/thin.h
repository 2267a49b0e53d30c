/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * thin: a process that has little to do for a while gives memory back.
 *
 * A warden maps the libraries of all that gaol can do, and its start touches a part of each. What
 * is mapped from files and never written (code, constants) is let go: the pages stay in the host's
 * cache as long as there is room, and those that are used again come back by a minor fault each.
 */
#ifndef GAOL_CORE_THIN_H
#define GAOL_CORE_THIN_H

/* Lets go what can be had again, and gives free memory of the heap back. */
void thin_out(void);

#endif
