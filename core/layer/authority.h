/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * authority: what the guest may see and change of the lower (the host's) file system, by path.
 *
 * A set of rules, longest prefix wins, kept as a trie of path components. Four words:
 *   read   base is shown, changes give EROFS
 *   write  base is shown, changes are copied up (copy-on-write)
 *   fresh  base is not shown: private, starts empty
 *   hide   nothing is shown (ENOENT), nothing may be created (EACCES)
 * Under read and write base is read as nobody would: an entry that others cannot read (mode bits
 * along the whole path) does not exist, unless the rule says "own": a path which the admin named
 * on the command line, read with gaol's own authority except for a documented list of
 * credentials (authority_is_secret), which need secret = true.
 * A directory on the way to a deeper rule always exists (a waypoint), empty but for the way if
 * its own word shows nothing.
 */
#ifndef GAOL_CORE_LAYER_AUTHORITY_H
#define GAOL_CORE_LAYER_AUTHORITY_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>

enum auth_word {
	AUTH_READ,
	AUTH_WRITE,
	AUTH_FRESH,
	AUTH_HIDE,
	AUTH_EMPTY /* foreign mount or gaol's own state: an empty directory */
};

struct authority;
struct auth_node; /* a place in the trie; NULL below the last rule */

/* What holds at a path. Small, copied by value; node walks along with a look-up. */
struct auth_at {
	const struct auth_node *node; /* NULL: no rule at or below this path */
	enum auth_word word;
	bool own;
	bool secret;
};

/* An authority whose root rule is word (AUTH_WRITE: all is copy-on-write). */
struct authority *authority_new(enum auth_word word);
void authority_free(struct authority *a);
/* Adds or replaces the rule of an absolute, normal path ("/", "/srv"); 0 or -EINVAL with e set. */
int authority_add(struct authority *a, const char *path, enum auth_word word, bool own, bool secret,
		  struct err *e);
/* The profiles' rules: "box", "app" or "blank" (all write with /home /root /tmp /run fresh; or
 * /usr /bin /lib* /etc read, /tmp /var /home private; or /usr /bin /lib* read and nothing else of
 * the host). 0 or -EINVAL. */
int authority_profile(struct authority *a, const char *name, struct err *e);
/* "read" -> AUTH_READ ...; -1 for an unknown word. */
int auth_word_parse(const char *s);
const char *auth_word_name(enum auth_word w);

/* What holds at "/". */
struct auth_at authority_root(const struct authority *a);
/* What holds at the entry name (n bytes) of a directory at which "at" holds. O(log siblings). */
struct auth_at authority_step(struct auth_at at, const char *name, size_t n);
/* What holds at a whole absolute path. */
struct auth_at authority_find(const struct authority *a, const char *path);
/* True when deeper rules make the entry exist as a directory whatever lower has there. */
bool auth_is_waypoint(struct auth_at at);
/* Calls fn for each name that a rule puts directly below "at" (waypoints of a fresh directory). */
void auth_each_child(struct auth_at at, void (*fn)(void *user, const char *name, size_t n),
		     void *user);
/* True for the names of credentials (.ssh, .gnupg, .aws, .netrc, ...: the list is in authority.c
 * and jail.conf(5)). */
bool authority_is_secret(const char *name, size_t n);

#endif
