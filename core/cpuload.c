/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/cpuload.h"
#include "core/buf.h"
#include "core/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STAT_MAX (1 << 20)
#define FULL 10 /* percent idle: one that has no room */
#define FREE 60 /* one that has */

void cpuload_parse(const char *text, struct cpuload *out)
{
	*out = (struct cpuload){0};
	for (const char *at = text; (at = strstr(at, "cpu")); at++) {
		uint64_t t[8] = {0}, all = 0;
		unsigned cpu;

		/* user nice system idle iowait irq softirq steal; guest times are in user's */
		if ((at != text && at[-1] != '\n') || at[3] < '0' || at[3] > '9' ||
		    sscanf(at,
			   "cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			   " %" SCNu64 " %" SCNu64 " %" SCNu64,
			   &cpu, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 5 ||
		    cpu >= CPULOAD_MAX)
			continue;
		for (int i = 0; i < 8; i++)
			all += t[i];
		out->cpu[cpu].idle = t[3] + t[4];
		out->cpu[cpu].all = all;
		if (cpu >= out->n)
			out->n = cpu + 1;
	}
}

int cpuload_read(struct cpuload *out)
{
	struct buf b = {0};
	int ret = file_read_at(AT_FDCWD, "/proc/stat", STAT_MAX, &b);

	if (!ret)
		cpuload_parse(buf_cstr(&b), out);
	buf_free(&b);
	return ret;
}

int cpuload_idle(const struct cpuload *was, const struct cpuload *is, unsigned cpu)
{
	if (cpu >= was->n || cpu >= is->n || is->cpu[cpu].all <= was->cpu[cpu].all ||
	    is->cpu[cpu].idle < was->cpu[cpu].idle || !was->cpu[cpu].all)
		return -1;
	uint64_t idle = is->cpu[cpu].idle - was->cpu[cpu].idle;
	uint64_t all = is->cpu[cpu].all - was->cpu[cpu].all;
	return (int)(idle * 100 / all);
}

int cpuload_better(const struct cpuload *was, const struct cpuload *is, unsigned at,
		   const cpu_set_t *may)
{
	int here = cpuload_idle(was, is, at), best = FREE, to = -1;

	if (here < 0 || here > FULL)
		return -1;
	for (unsigned cpu = 0; cpu < is->n; cpu++) {
		int idle = CPU_ISSET(cpu, may) ? cpuload_idle(was, is, cpu) : -1;
		if (idle < best || cpu == at)
			continue;
		best = idle + 1;
		to = (int)cpu;
	}
	return to;
}
