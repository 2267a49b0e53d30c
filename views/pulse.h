/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pulse: which wardens answer. Each that should run is asked every few seconds, as long as somebody
 * looks; one that does not answer within two is "not answering" until it does.
 */
#ifndef GAOL_VIEWS_PULSE_H
#define GAOL_VIEWS_PULSE_H

#include "views/view.h"

struct pulse;

struct pulse *pulse_new(const struct view_env *env);
/* NULL is allowed. */
void pulse_free(struct pulse *p);
/* About once a second, while something is shown that depends on it. */
void pulse_tick(struct pulse *p);
/* True when the jail's warden did not answer. */
bool pulse_hung(const struct pulse *p, const char *jail);

#define PULSE_BEATS 10
/* Events a second, the oldest of the last PULSE_BEATS askings first; how many there are. */
size_t pulse_rates(const struct pulse *p, const char *jail, unsigned out[PULSE_BEATS]);

#endif
