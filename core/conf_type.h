/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_type: the kinds of values that jail.conf's keys have, for core/conf_schema.c only.
 */
#ifndef GAOL_CORE_CONF_TYPE_H
#define GAOL_CORE_CONF_TYPE_H

#include "core/conf_schema.h"

/* What stands behind each: the C type of the field. */
extern const struct conf_type type_size;     /* uint64_t; min, max, unit */
extern const struct conf_type type_number;   /* unsigned, uid_t, gid_t; min, max */
extern const struct conf_type type_groups;   /* struct conf_groups; min, max of each */
extern const struct conf_type type_bool;     /* bool */
extern const struct conf_type type_duration; /* unsigned, seconds; max */
extern const struct conf_type type_word;     /* an enum whose values count k.words from 0 */
extern const struct conf_type type_text;     /* char *, one line */
extern const struct conf_type type_user;     /* char *, a login name */
extern const struct conf_type type_host;     /* char *, a host name */
extern const struct conf_type type_path;     /* char *, absolute and normal */
extern const struct conf_type type_command;  /* struct conf_list: its first string */
extern const struct conf_type type_arg;	     /* struct conf_list: all but its first string */
extern const struct conf_type type_env;	     /* struct conf_list of NAME=VALUE */
extern const struct conf_type type_words; /* struct conf_list, each one of k.words, each once */
extern const struct conf_type type_publish; /* struct conf_list of ports, core/net/publish.h */
extern const struct conf_type type_allow, type_deny; /* struct conf_list, core/net/rule.h */
extern const struct conf_type type_keys;     /* unsigned char [2] */

#endif
