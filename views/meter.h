/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * meter: what jails cost the host, measured beside the loop while somebody looks, and never so
 * often that measuring takes more than a twentieth of the time.
 */
#ifndef GAOL_VIEWS_METER_H
#define GAOL_VIEWS_METER_H

#include "views/view.h"

struct meter;

struct meter_costs {
	double cpu;	/* percent of a processor since the last measurement, -1: not known */
	uint64_t pss;	/* bytes, 0: not known */
	uint64_t layer; /* bytes of upper/ on the disk */
	bool sized;	/* layer is known */
};

struct meter *meter_new(const struct view_env *env);
void meter_free(struct meter *m);
/* About once a second: begins the next measurement when it is due. */
void meter_tick(struct meter *m);
/* False: nothing is known yet. */
bool meter_get(const struct meter *m, const char *jail, struct meter_costs *out);

#endif
