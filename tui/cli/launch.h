/* SPDX-License-Identifier: GPL-2.0-or-later */
/* launch: the arguments and the end of a program that exec or run starts in a guest. */
#ifndef GAOL_TUI_CLI_LAUNCH_H
#define GAOL_TUI_CLI_LAUNCH_H

#include "core/err.h"
#include <jansson.h>
#include <stdbool.h>

struct verb;

/* Arguments for exec_run: lists argv and env are there, empty; term is the caller's TERM. */
json_t *launch_new(void);
/* Sets a text; adds one to a list. The wire speaks UTF-8: false, and told, for other bytes. */
bool launch_set(json_t *args, const char *key, const char *value, const struct verb *v);
bool launch_add(json_t *args, const char *list, const char *value, const struct verb *v);
/* Prints why exec_run failed with ret; returns 127 or 126 where the program itself is the reason,
 * else CLI_FAILED. */
int launch_failed(int ret, const struct err *e);

#endif
