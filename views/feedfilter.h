/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feedfilter: which events a person wants to see. Words separated by blanks, all of which must
 * hold; one that begins with "!" must not:
 *
 *   path:/etc/ * a glob (fnmatch(3)) over the path, or a part of it when there is no * ? [ in it;
 *                 a word that begins with "/" is one as well
 *   op:write      an operation, or its beginning
 *   class:denied  change, read, denied, jail, net
 *   size:>1M      bytes; also size:<1M
 *   uid:33        who did it, as the guest tells
 *   pid:512
 *   word          anything else: a part of the path, or of the operation
 */
#ifndef GAOL_VIEWS_FEEDFILTER_H
#define GAOL_VIEWS_FEEDFILTER_H

#include "core/event.h"
#include <stdbool.h>

struct feedfilter;

/* Never NULL; free with feedfilter_free. */
struct feedfilter *feedfilter_parse(const char *text);
void feedfilter_free(struct feedfilter *f);
bool feedfilter_matches(const struct feedfilter *f, const struct event *ev);
/* The text that it was made of. */
const char *feedfilter_text(const struct feedfilter *f);

#endif
