/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model: the jails there are and their states, as last read from disk by a job.
 */
#ifndef GAOL_VIEWS_MODEL_H
#define GAOL_VIEWS_MODEL_H

#include "core/jail.h"
#include "views/row.h"
#include <stdbool.h>
#include <stddef.h>

struct jobs;
struct model;

/* changed is called in the loop's thread when something differs from before. */
typedef void model_changed_fn(void *user);
struct model *model_new(const struct jail_places *places, struct jobs *jobs,
			model_changed_fn *changed, void *user);
/* Its job must not be running any more: call after jobs_free. */
void model_free(struct model *m);
/* Reads anew, beside the loop; one job at a time. */
void model_refresh(struct model *m);
/* False until the first reading is done. */
bool model_loaded(const struct model *m);
size_t model_count(const struct model *m);
/* Sorted by name; valid until the next change. */
const struct jail_status *model_at(const struct model *m, size_t i);
/* NULL when there is none of the name. */
const struct jail_status *model_find(const struct model *m, const char *name);
/* "2 jails, 1 running" into buf, returned. */
const char *model_summary(const struct model *m, char *buf, size_t size);

/* True where a guest is there: running, booting, being saved or stopped. */
bool status_is_up(const struct jail_status *st);
/* How its state is written. */
enum style status_style(const struct jail_status *st);

#endif
