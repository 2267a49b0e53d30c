/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jailview: a jail looked into from outside, without its warden: base, any checkpoint, and now.
 *
 * Used by diff, cat, cp and the console program. Nothing is written and no lock is taken: reading
 * checkpoints and upper/ is legal at any time (a running guest's changes may be seen half done;
 * ask its warden to sync first). A view belongs to one thread; open one for each thread.
 */
#ifndef GAOL_CORE_JAILVIEW_H
#define GAOL_CORE_JAILVIEW_H

#include "core/conf.h"
#include "core/err.h"
#include "core/jail.h"
#include "core/layer/layer.h"
#include "core/repo/side.h"

/*
 * What a jail's layer is made of. config points into the rest; the struct must not be moved.
 *
 * Lowers, topmost first: jails/NAME/made (virtual, left out while it is not there: a jail that
 * was never started), then the host's "/" (guarded). upper and work are the jail's. Shown as empty
 * directories: gaol's own home, runtime directory and caches.
 */
struct jail_union {
	struct authority *authority;
	char *made, *upper, *work;
	char *empty[5];
	struct layer_config config;
};

/*
 * Fills u for a jail and its configuration: config is ready for layer_open, read-write. 0 or
 * -errno with e set (then nothing is to be freed).
 */
int jail_union_init(struct jail_union *u, const struct jail_places *p, const struct jail *j,
		    const struct conf *c, struct err *e);
/* Releases it; the layers opened from it must be closed (they use authority). */
void jail_union_free(struct jail_union *u);

/*
 * As root, a process that opens a layer may not have supplementary groups (layer.h): drops them,
 * for good. Else, and for other users, does nothing. 0 or -errno with e set.
 */
int jail_union_privileges(struct err *e);

struct jailview;

/*
 * Opens a view: reads jail.conf, the repository and base. j is borrowed and must outlive it. Calls
 * jail_union_privileges. 0 or -errno with e set. Free with jailview_close, after all its sides.
 */
int jailview_open(struct jailview **out, const struct jail_places *p, const struct jail *j,
		  struct err *e);
void jailview_close(struct jailview *v);
/* Its parts, borrowed. */
struct repo *jailview_repo(struct jailview *v);
struct layer *jailview_base(struct jailview *v);
const struct conf *jailview_conf(const struct jailview *v);

/*
 * What a person's word for a side means: "now", "base", or a checkpoint ID as log_resolve takes it
 * ("" or NULL: the present checkpoint). c (may be NULL) gets the checkpoint, zeroed for base and
 * now; checkpoint_free it. 0 or -errno with e set.
 */
int jailview_resolve(struct jailview *v, const char *word, struct side_id *out,
		     struct checkpoint *c, struct err *e);
/* Opens a side by such a word. 0 or -errno with e set. Free with side_close. */
int jailview_side(struct jailview *v, const char *word, struct side **out, struct err *e);

/*
 * Follows a path of the guest through its symlinks, "." and "..", as the guest would: absolute ones
 * begin at the side's root, nothing leads out. last: a link at the end is followed too. The path
 * without links is appended to out. 0; -ENOENT when only the last component is missing (out is
 * right); else -errno with e set (-ENOTDIR also for a missing component in between, -ELOOP).
 */
int jailview_follow(struct side *s, const char *path, bool last, struct buf *out, struct err *e);

#endif
