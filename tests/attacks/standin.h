/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * standin: an attacker in the place of the guest's kernel. Started by gaol in exactly the walls of
 * a guest (GAOL_KERNEL), or by hand outside them to show that its attacks work at all.
 *
 * What it attacks is told by words that the test appends to the program's file after a line
 * "TARGETS": key=value, one a line. Inside the walls nothing else could reach it.
 */
#ifndef GAOL_TESTS_ATTACKS_STANDIN_H
#define GAOL_TESTS_ATTACKS_STANDIN_H

#include <stdbool.h>

/* The value of a key, "" when there is none. */
const char *target(const char *key);
long target_number(const char *key);
/* The parent of the process that was started, not of the one that asks. */
int standin_parent(void);

/* 0: the attack succeeded; else -errno of what stopped it. Each runs in a process of its own. */
typedef int attack_fn(void);
struct attack {
	const char *name;
	attack_fn *fn;
};

/* Ends with an attack without a name. */
extern const struct attack reach_attacks[]; /* files, processes, sockets, memory of the host */
extern const struct attack call_attacks[];  /* the host kernel's rarely used doors */
/* Attacks on the warden through the device's socket; how is a word. Does not return when the warden
 * lets it live. */
void device_attack(const char *how);

#endif
