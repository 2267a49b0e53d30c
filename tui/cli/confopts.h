/* SPDX-License-Identifier: GPL-2.0-or-later */
/* confopts: the options that `new` and `run` share: what a jail is and what it sees. */
#ifndef GAOL_TUI_CLI_CONFOPTS_H
#define GAOL_TUI_CLI_CONFOPTS_H

#include "core/conf.h"
#include "tui/cli/cli.h"

enum confopts_key {
	CONFOPT_MEMORY = CLI_LONG + 100,
	CONFOPT_PROFILE,
	CONFOPT_COW,
	CONFOPT_RO,
	CONFOPT_HIDE,
	CONFOPT_FRESH,
	CONFOPT_NOTE,
	CONFOPT_SPEED,
	CONFOPT_NET,
	CONFOPT_ALLOW,
	CONFOPT_DENY,
	CONFOPT_PUBLISH = 'p',
};

/* The lines of an option table; note is new's only. */
/* clang-format off */
#define CONFOPTS_TABLE \
	{.key = CONFOPT_MEMORY, .name = "memory", .arg = "SIZE", \
	 .help = "Memory of the guest, as 256M (the default) or 1G."}, \
	{.key = CONFOPT_PROFILE, .name = "profile", .arg = "box|app|blank", \
	 .help = "box: all of the system copy-on-write; app: programs read-only."}, \
	{.key = CONFOPT_COW, .name = "cow", .arg = "DIR", \
	 .help = "Shows DIR of the host, copy-on-write."}, \
	{.key = CONFOPT_RO, .name = "ro", .arg = "DIR", \
	 .help = "Shows DIR of the host, read-only."}, \
	{.key = CONFOPT_HIDE, .name = "hide", .arg = "PATH", \
	 .help = "Shows nothing at PATH, and lets nothing be made there."}, \
	{.key = CONFOPT_FRESH, .name = "fresh", .arg = "PATH", \
	 .help = "Starts with an empty, private directory at PATH."}, \
	{.key = CONFOPT_SPEED, .name = "speed", .arg = "safe|trusting", \
	 .help = "trusting: faster, but a process can reach all memory of its guest."}, \
	{.key = CONFOPT_NET, .name = "net", .arg = "none|open|ask|list", \
	 .help = "Network: none (the default), all but private addresses, or by rules."}, \
	{.key = CONFOPT_ALLOW, .name = "allow", .arg = "HOST[:PORT]", \
	 .help = "What the jail may reach, as www.example.org:80."}, \
	{.key = CONFOPT_DENY, .name = "deny", .arg = "HOST[:PORT]", \
	 .help = "What it may not reach."}, \
	{.key = CONFOPT_PUBLISH, .name = "publish", .arg = "[ADDR:]HOST:GUEST", \
	 .help = "A port of the host that leads into the jail."}
/* clang-format on */

/* Applies one such option. 1 when key is one of them, 0 when it is none, -EINVAL with e set. */
int confopts_set(struct conf *c, int key, const char *value, struct err *e);
/*
 * Shows a directory of the host (any path of it) with the caller's authority, word AUTH_WRITE or
 * AUTH_READ. Its real path is put into real (free it) when that is not NULL. Refuses what would
 * show everything ("/") or lies in a credentials directory (.ssh, ...). 0 or -errno with e set.
 */
int confopts_show(struct conf *c, const char *dir, enum auth_word word, char **real, struct err *e);
/* Creates the jail that c describes; what this host lacks goes into it (need_admit). 0 or -errno with e
 * set. */
int confopts_create(struct cli *cli, const char *name, struct conf *c, bool throwaway,
		    struct err *e);

#endif
