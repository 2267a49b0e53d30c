/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpuload: how busy each of the host's processors is, between two looks at /proc/stat (proc(5)).
 */
#ifndef GAOL_CORE_CPULOAD_H
#define GAOL_CORE_CPULOAD_H

#include <sched.h>
#include <stdint.h>

#define CPULOAD_MAX 256 /* processors beyond are never looked at */

/* Clock ticks since the host's start. */
struct cpuload {
	unsigned n; /* the highest number, and one */
	struct {
		uint64_t idle, all; /* all 0: no such processor, or it is offline */
	} cpu[CPULOAD_MAX];
};

/* Reads /proc/stat. 0 or -errno. */
int cpuload_read(struct cpuload *out);
/* The same of its text. */
void cpuload_parse(const char *text, struct cpuload *out);
/* Percent of the time between two looks in which a processor was idle; -1 when that is not known.
 */
int cpuload_idle(const struct cpuload *was, const struct cpuload *is, unsigned cpu);
/*
 * Where there is room for work that has none on processor at: the idlest of those in may, if it is
 * idle most of the time and at hardly ever; -1: nowhere better.
 */
int cpuload_better(const struct cpuload *was, const struct cpuload *is, unsigned at,
		   const cpu_set_t *may);

#endif
