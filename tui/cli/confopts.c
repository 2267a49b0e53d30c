/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/confopts.h"
#include "core/buf.h"
#include "core/wall/need.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first component of a path that names credentials, or NULL; *n is its length. */
static const char *secret_part(const char *path, size_t *n)
{
	for (const char *p = path; *p; p += *n) {
		p += strspn(p, "/");
		*n = strcspn(p, "/");
		if (*n && authority_is_secret(p, *n))
			return p;
	}
	return NULL;
}

int confopts_show(struct conf *c, const char *dir, enum auth_word word, char **real, struct err *e)
{
	char *path = realpath(dir, NULL);
	struct stat st;
	size_t n;
	int ret = 0;

	if (!path)
		return err_sys(e, "%s", dir);
	const char *secret = secret_part(path, &n);
	if (stat(path, &st))
		ret = err_sys(e, "%s", path);
	else if (!S_ISDIR(st.st_mode))
		ret = err_set(e, -ENOTDIR, "%s: not a directory: name the one it lies in", path);
	else if (!path[1])
		ret = err_set(e, -EINVAL,
			      "/: would show every file of the host to the jail: name a directory "
			      "below it");
	else if (secret)
		ret = err_set(e, -EACCES,
			      "%s: %.*s holds credentials, which no jail is shown: use another "
			      "directory, or copy what it needs",
			      path, (int)n, secret);
	else
		ret = conf_add_path(c, path, word, true, false, e);
	if (!ret && real)
		*real = path;
	else
		free(path);
	return ret;
}

/* A path of the guest; a relative one is meant from here. */
static int add_guest_path(struct conf *c, const char *path, enum auth_word word, struct err *e)
{
	char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *abs = path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", cwd ? cwd : "", path);
	int ret = conf_add_path(c, abs, word, false, false, e);

	free(abs);
	free(cwd);
	return ret;
}

int confopts_set(struct conf *c, int key, const char *value, struct err *e)
{
	int ret = 0;

	switch (key) {
	case CONFOPT_MEMORY:
		ret = conf_set(c, "jail.memory", value, e);
		break;
	case CONFOPT_PROFILE:
		ret = conf_set(c, "jail.profile", value, e);
		break;
	case CONFOPT_SPEED:
		ret = conf_set(c, "jail.speed", value, e);
		break;
	case CONFOPT_NOTE:
		ret = conf_set(c, "jail.note", value, e);
		break;
	case CONFOPT_NET:
		ret = conf_set(c, "net.mode", value, e);
		break;
	case CONFOPT_ALLOW:
		ret = conf_set(c, "net.allow", value, e);
		break;
	case CONFOPT_DENY:
		ret = conf_set(c, "net.deny", value, e);
		break;
	case CONFOPT_PUBLISH:
		ret = conf_set(c, "net.publish", value, e);
		break;
	case CONFOPT_COW:
		ret = confopts_show(c, value, AUTH_WRITE, NULL, e);
		break;
	case CONFOPT_RO:
		ret = confopts_show(c, value, AUTH_READ, NULL, e);
		break;
	case CONFOPT_HIDE:
		ret = add_guest_path(c, value, AUTH_HIDE, e);
		break;
	case CONFOPT_FRESH:
		ret = add_guest_path(c, value, AUTH_FRESH, e);
		break;
	default:
		return 0;
	}
	return ret ? ret : 1;
}

int confopts_create(struct cli *cli, const char *name, struct conf *c, bool throwaway,
		    struct err *e)
{
	struct buf text = {0};
	int ret = conf_check(c, CONF_FILE, e);

	if (!ret)
		ret = cli_places(cli, e);
	if (!ret) {
		need_admit(c);
		conf_write(c, &text);
		ret = jail_create(&cli->places, name, buf_cstr(&text), text.len, throwaway, e);
	}
	buf_free(&text);
	return ret;
}
