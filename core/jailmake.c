/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new jail's directory, made whole and renamed into place. */
#include "core/buf.h"
#include "core/conf.h"
#include "core/fd.h"
#include "core/jail.h"
#include "core/repo/save.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int first_checkpoint(int jailfd, struct err *e)
{
	const struct save_request q = {.kind = CKPT_INITIAL, .message = "the empty layer"};
	struct save_result done;
	struct repo *r;
	int ret = repo_create(jailfd, e);

	if (!ret)
		ret = repo_open(&r, jailfd, e);
	if (ret)
		return ret;
	ret = save(r, &q, &done, NULL, e);
	repo_close(r);
	return ret;
}

/* upper/ is the guest's root directory; its record is the default, root:root 0755. */
static int fill(const char *dir, const struct jail_status *st, const char *conf, size_t n,
		struct err *e)
{
	static const char *const subdirs[] = {"upper", "work"};
	cleanup_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct jail j = {.dirfd = fd};

	if (fd < 0)
		return err_sys(e, "%s", dir);
	for (size_t i = 0; i < sizeof(subdirs) / sizeof(subdirs[0]); i++)
		if (mkdirat(fd, subdirs[i], 0700))
			return err_sys(e, "%s/%s: cannot make it", dir, subdirs[i]);
	int ret = file_replace_at(fd, CONF_FILE, conf, n, 0600, false);
	if (!ret)
		ret = jail_status_write(&j, st);
	if (ret) {
		errno = -ret;
		return err_sys(e, "%s: cannot write it", dir);
	}
	return first_checkpoint(fd, e);
}

static void first_status(struct jail_status *st, const char *name, const struct conf *c)
{
	*st =
	    (struct jail_status){.state = JAIL_STOPPED, .created = time(NULL), .memory = c->memory};
	st->since = st->created;
	st->checkpoint = 1;
	st->checkpoint_time = st->created;
	st->trusting = c->speed == CONF_TRUSTING;
	snprintf(st->name, sizeof(st->name), "%s", name);
	snprintf(st->profile, sizeof(st->profile), "%s", conf_profile_name(c->profile));
	snprintf(st->note, sizeof(st->note), "%s", c->note ? c->note : "");
}

int jail_create(const struct jail_places *p, const char *name, const char *text, size_t n,
		struct err *e)
{
	struct jail_status st;
	struct conf c;

	if (!jail_name_ok(name))
		return err_set(
		    e, -EINVAL,
		    "%s: not a jail's name: use 1 to 32 of a-z 0-9 . _ -, a letter or digit first",
		    name);
	int ret = conf_parse(text, n, CONF_FILE, &c, e);
	if (ret)
		return ret;
	first_status(&st, name, &c);
	conf_free(&c);
	char *tmp = xasprintf("%s/jails/.new-XXXXXX", p->home);
	char *to = xasprintf("%s/jails/%s", p->home, name);
	if (!access(to, F_OK))
		ret = err_set(e, -EEXIST,
			      "%s: there is such a jail: choose another name or `gaol rm %s`", name,
			      name);
	else if (!mkdtemp(tmp))
		ret = err_sys(e, "%s", tmp);
	else
		ret = fill(tmp, &st, text, n, e);
	if (!ret && renameat2(AT_FDCWD, tmp, AT_FDCWD, to, RENAME_NOREPLACE))
		ret =
		    errno == EEXIST
			? err_set(e, -EEXIST, "%s: there is such a jail: choose another name", name)
			: err_sys(e, "%s", to);
	if (ret)
		dir_remove_tree(AT_FDCWD, tmp);
	free(tmp);
	free(to);
	return ret;
}
