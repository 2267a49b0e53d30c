/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/fd.h"
#include "core/jailview.h"
#include "core/user.h"
#include "tui/cli/apply.h"
#include "tui/cli/confopts.h"
#include "tui/cli/diffout.h"
#include "tui/cli/out.h"
#include "tui/cli/run.h"
#include "tui/cli/sync.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Between the making of a jail and its client's hold on it. */
#define SWEEP_AGE 5 /* seconds */

static int set_number(struct conf *c, const char *key, unsigned long n, struct err *e)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", n);
	return conf_set(c, key, text, e);
}

/* The caller, by numbers and name, so that what he makes looks as if he had made it. */
static int set_caller(struct conf *c, struct err *e)
{
	struct user u;

	int ret = user_self(&u, e);
	if (ret)
		return ret;
	ret = conf_set(c, "jail.user", u.name, e);
	if (!ret)
		ret = set_number(c, "jail.uid", u.uid, e);
	if (!ret)
		ret = set_number(c, "jail.gid", u.gid, e);
	for (size_t i = 0; !ret && i < u.ngroups && i < 64; i++)
		ret = set_number(c, "jail.group", u.groups[i], e);
	if (!ret && u.uid && u.home[1])
		ret = conf_set(c, "jail.home", u.home, e);
	if (!ret)
		ret = conf_set(c, "jail.shell", u.shell, e);
	user_free(&u);
	return ret;
}

int run_describe(struct run *r, struct err *e)
{
	if (r->dir && chdir(r->dir))
		return err_sys(e, "%s", r->dir);
	r->cwd = getcwd(NULL, 0);
	if (!r->cwd || r->cwd[0] != '/')
		return err_set(e, -ENOENT,
			       "the current directory is gone: cd to one that exists, or use -C");
	/* "/" is shown anyway, as nobody would read it; a rule for it would show all of it. */
	int ret = r->cwd[1] ? confopts_show(&r->conf, r->cwd, AUTH_WRITE, NULL, e) : 0;
	if (!ret && !r->root)
		ret = set_caller(&r->conf, e);
	return ret;
}

void run_default_net(struct run *r, bool terminal)
{
	if (r->net_given)
		return;
	r->conf.net = terminal ? CONF_NET_ASK : CONF_NET_NONE;
	if (!terminal && !r->quiet)
		fprintf(stderr, "gaol: no network: without a terminal nobody can be asked: --net "
				"open, or --net list --allow HOST\n");
}

static int start(struct run *r, struct err *e)
{
	return client_call(r->client, "start", json_pack("{s:b}", "idle", 1), -1, NULL, NULL, NULL,
			   e);
}

/* A host that cannot ask gives no network, and the program runs; whatever else is wrong fails
 * again. */
static int start_offline(struct run *r, struct err *e)
{
	char word[] = "net.mode=none", *words[] = {word};
	struct err why = *e;
	int ret = cli_set(&r->jail, words, 1, e);

	if (!ret)
		ret = start(r, e);
	if (ret)
		return ret;
	r->conf.net = CONF_NET_NONE;
	if (!r->quiet)
		fprintf(stderr, "gaol: no network: %s\n", why.text);
	return 0;
}

int run_boot(struct run *r, struct cli *c, struct err *e)
{
	if (r->name)
		snprintf(r->jail_name, sizeof(r->jail_name), "%s", r->name);
	else
		jail_random_name(r->jail_name);
	if (r->name && !jail_name_ok(r->name))
		return err_set(e, -EINVAL,
			       "%s: not a jail's name: use 1 to 32 of a-z 0-9 . _ -, a letter or "
			       "digit first",
			       r->name);
	int ret = confopts_create(c, r->jail_name, &r->conf, !r->name, e);
	if (!ret)
		ret = cli_jail(c, r->jail_name, &r->jail, e);
	if (ret)
		return ret;
	/* while we live, it is no garbage (sweep_one) */
	flock(r->jail.dirfd, LOCK_SH | LOCK_NB);
	ret = client_spawn(&r->client, &r->jail, !r->name, e);
	if (!ret)
		ret = start(r, e);
	if (ret && !r->net_given && r->client && r->conf.net == CONF_NET_ASK)
		ret = start_offline(r, e);
	return ret;
}

static bool has_entry(const char *dir)
{
	DIR *d = opendir(dir);
	bool found = false;

	for (struct dirent *de; d && !found && (de = readdir(d)) != NULL;)
		found = strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
			!authority_is_secret(de->d_name, strlen(de->d_name));
	if (d)
		closedir(d);
	return found;
}

static bool note_entry(void *user, const char *name, const struct stat *st)
{
	*(bool *)user = true;
	return false;
}

int run_check_cwd(struct run *r, struct cli *c, struct err *e)
{
	struct side *base = NULL;
	struct jailview *v;
	bool seen = false;

	if (!has_entry(r->cwd))
		return 0;
	int ret = jailview_open(&v, &c->places, &r->jail, e);
	if (!ret)
		ret = jailview_side(v, "base", &base, e);
	if (!ret)
		side_list(base, r->cwd, note_entry, &seen);
	if (!ret && !seen)
		ret = err_set(e, -ENOENT,
			      "%s: lies on a file system that jails are not shown (network, FUSE, "
			      "proc and the like): copy what is needed to a local disk",
			      r->cwd);
	if (base)
		side_close(base);
	jailview_close(v);
	return ret;
}

/* What the command changed, against the host's system. */
static int list_changes(struct run *r, struct cli *c, enum diffout_form form, FILE *f,
			uint64_t *count, struct err *e)
{
	struct diffout o = {.form = form, .f = f, .context = 3, .colour = out_colour(f)};
	struct side *base = NULL, *now = NULL;
	struct jailview *v;

	int ret = jailview_open(&v, &c->places, &r->jail, e);
	if (ret)
		return ret;
	ret = jailview_side(v, "base", &base, e);
	if (!ret)
		ret = jailview_side(v, "now", &now, e);
	if (!ret)
		ret = diffout(&o, base, now, e);
	*count = o.count;
	if (now)
		side_close(now);
	if (base)
		side_close(base);
	jailview_close(v);
	return ret;
}

static int call(struct run *r, const char *verb, json_t *args, struct err *e)
{
	return client_call(r->client, verb, args, -1, NULL, NULL, NULL, e);
}

/* Stops the guest and the warden, and gives the jail the name that was asked for. */
static int keep(struct run *r, struct cli *c, const char *name, struct err *e)
{
	int ret = r->name ? 0 : call(r, "keep", NULL, e);

	if (!ret)
		ret = call(r, "stop", json_pack("{s:i}", "grace_ms", 2000), e);
	if (ret)
		return ret;
	cli_await_end(r->client);
	if (*name && strcmp(name, r->jail_name) != 0) {
		cleanup_fd int lock = jail_lock_patient(&r->jail, JAIL_PATIENCE_MS);
		ret = lock < 0 ? err_set(e, lock, "%s: another command works on it", r->jail_name)
			       : jail_rename(&c->places, r->jail_name, name, e);
	} else {
		name = r->jail_name;
	}
	if (!ret && !r->quiet)
		fprintf(stderr, "gaol: kept as %s: gaol start %s, gaol diff %s base, gaol rm %s\n",
			name, name, name, name);
	return ret;
}

static int discard(struct run *r, struct err *e)
{
	int ret = call(r, "discard", NULL, e);

	if (!ret)
		cli_await_end(r->client);
	return ret;
}

void run_abandon(struct run *r)
{
	struct err e;

	if (r->client && !call(r, r->name ? "kill" : "discard", NULL, &e))
		cli_await_end(r->client);
	cleanup_fd int lock =
	    r->jail.dirfd >= 0 ? jail_lock_patient(&r->jail, JAIL_PATIENCE_MS) : -1;
	if (lock >= 0)
		jail_remove(&r->jail, NULL);
}

static int show_diff(struct run *r, struct cli *c, struct err *e)
{
	struct pager p = {0};
	uint64_t count;

	pager_begin(&p);
	int ret = list_changes(r, c, DIFFOUT_PATCH, stdout, &count, e);
	pager_end(&p);
	return ret;
}

/* Brings what changed in the directory of the command out to it. */
static int bring_out(struct run *r, struct cli *c, uint64_t *conflicts, struct err *e)
{
	const char *const paths[] = {r->cwd, NULL};
	struct apply a = {.mode = APPLY_DO, .f = stderr, .to = "/", .root = -1};
	struct jail_status st = {0};
	struct jailview *v;

	cleanup_fd int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = root < 0 ? err_sys(e, "/") : jailview_open(&v, &c->places, &r->jail, e);
	if (ret)
		return ret;
	jail_status_read(&r->jail, &st);
	a.root = root;
	a.since = st.created;
	ret = jailview_side(v, "base", &a.base, e);
	if (!ret)
		ret = jailview_side(v, "now", &a.from, e);
	if (!ret)
		ret = apply_changes(&a, paths, e);
	if (a.from)
		side_close(a.from);
	if (a.base)
		side_close(a.base);
	jailview_close(v);
	*conflicts = a.conflicts;
	if (!ret)
		fprintf(stderr, "gaol: %" PRIu64 " applied to %s, %" PRIu64 " conflicts\n", a.done,
			r->cwd, a.conflicts);
	return ret;
}

/* What could not be applied is not thrown away. */
static int apply_and_end(struct run *r, struct cli *c, struct err *e)
{
	uint64_t conflicts = 0;
	struct err why;

	cli_sync_client(r->client, r->jail_name);
	int ret = bring_out(r, c, &conflicts, e);
	if (!ret && !conflicts && !r->name)
		return discard(r, e);
	int kept = keep(r, c, "", &why);
	if (!ret && kept)
		ret = err_set(e, kept, "%s", why.text);
	else if (!ret && conflicts)
		ret = err_set(e, -EEXIST,
			      "not all could be applied: the jail is kept, see `gaol "
			      "apply --help`");
	return ret;
}

static int keep_by_name(struct run *r, struct cli *c, struct err *e)
{
	char name[JAIL_NAME_MAX + 2] = "";
	char question[96];

	snprintf(question, sizeof(question), "Its name [%s]: ", r->jail_name);
	for (;;) {
		if (!out_ask_line(question, name, sizeof(name)))
			return keep(r, c, "", e);
		if (!*name || jail_name_ok(name))
			return keep(r, c, name, e);
		fprintf(stderr, "A name has 1 to 32 of a-z 0-9 . _ -, a letter or digit first.\n");
	}
}

/* Asks until it is decided; the end of input discards. */
static int ask(struct run *r, struct cli *c, struct err *e)
{
	int ret = 0;

	while (!ret) {
		switch (out_ask("Show the [d]iff, [a]pply it here, [k]eep it as a jail, or [Enter] "
				"discard it? ")) {
		case 'd':
			ret = show_diff(r, c, e);
			break;
		case 'a':
			return apply_and_end(r, c, e);
		case 'k':
			return keep_by_name(r, c, e);
		case 'q':
		case '\n':
		case 0:
			return discard(r, e);
		default:
			break;
		}
	}
	return ret;
}

int run_finish(struct run *r, struct cli *c, struct err *e)
{
	uint64_t count = 0;
	int ret = 0;

	if (!r->quiet) {
		cli_sync_client(r->client, r->jail_name);
		ret = list_changes(r, c, DIFFOUT_LIST, stderr, &count, e);
	}
	if (!ret && r->on_exit == RUN_APPLY)
		return apply_and_end(r, c, e);
	if (r->name)
		return ret ? ret : keep(r, c, "", e);
	if (!ret && r->on_exit == RUN_KEEP)
		return keep(r, c, "", e);
	bool asks = r->on_exit == RUN_ASK && !r->quiet && count && isatty(0) && isatty(2);
	if (!ret && asks)
		return ask(r, c, e);
	return ret ? ret : discard(r, e);
}

static bool sweep_one(void *user, const struct jail_status *st)
{
	struct cli *c = user;
	struct jail j;

	if (!st->throwaway || st->warden || time(NULL) - st->since < SWEEP_AGE ||
	    jail_open(&j, &c->places, st->name, NULL))
		return true;
	/* its client died before it had a warden, whose lock would say the same */
	cleanup_fd int lock = flock(j.dirfd, LOCK_EX | LOCK_NB) ? -1 : jail_lock(&j);
	if (lock >= 0)
		jail_remove(&j, NULL);
	jail_close(&j);
	return true;
}

void run_sweep(struct cli *c)
{
	if (!cli_places(c, NULL))
		jail_each(&c->places, sweep_one, c);
}
