/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bring.h"
#include "core/buf.h"
#include "core/client.h"
#include "core/repo/name.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define BUSY_TRIES 600
#define BUSY_NS 50000000

static json_t *coded(const void *p, size_t n)
{
	struct buf b = {0};

	percent_add(&b, p, n, true);
	json_t *o = json_string(buf_cstr(&b));
	buf_free(&b);
	return o;
}

static void add_text(json_t *o, const char *key, const char *s)
{
	json_object_set_new(o, key, coded(s, strlen(s)));
}

static int call(struct client *c, json_t *args, int fd, json_t **result, struct err *e)
{
	static const struct timespec wait = {.tv_nsec = BUSY_NS};
	int ret = -EBUSY;

	for (int i = 0; ret == -EBUSY && i < BUSY_TRIES; i++) {
		if (i)
			nanosleep(&wait, NULL);
		ret = client_call(c, "bring", json_incref(args), fd, result, NULL, NULL, e);
	}
	json_decref(args);
	return ret;
}

static json_t *action(const char *word, const char *path)
{
	json_t *o = json_pack("{s:s}", "do", word);

	if (path)
		add_text(o, "path", path);
	return o;
}

static json_t *entry(const char *word, const struct bring *b)
{
	json_t *o = action(word, b->path), *x = json_object();

	json_object_set_new(o, "mode", json_integer(b->st.st_mode));
	json_object_set_new(o, "uid", json_integer(b->st.st_uid));
	json_object_set_new(o, "gid", json_integer(b->st.st_gid));
	json_object_set_new(o, "rdev", json_integer((json_int_t)b->st.st_rdev));
	json_object_set_new(o, "sec", json_integer(b->st.st_mtim.tv_sec));
	json_object_set_new(o, "nsec", json_integer(b->st.st_mtim.tv_nsec));
	if (b->target)
		add_text(o, "target", b->target);
	for (size_t i = 0; i < b->nxattrs; i++) {
		struct buf name = {0};
		percent_add(&name, b->xattrs[i].name, strlen(b->xattrs[i].name), true);
		json_object_set_new(x, buf_cstr(&name),
				    coded(b->xattrs[i].value, b->xattrs[i].len));
		buf_free(&name);
	}
	json_object_set_new(o, "xattrs", x);
	return o;
}

int bring_make(struct client *c, const struct bring *b, int fd, struct err *e)
{
	return call(c, entry("make", b), fd, NULL, e);
}

int bring_attr(struct client *c, const struct bring *b, struct err *e)
{
	return call(c, entry("attr", b), -1, NULL, e);
}

int bring_link(struct client *c, const char *path, const char *to, struct err *e)
{
	json_t *o = action("link", path);

	add_text(o, "to", to);
	return call(c, o, -1, NULL, e);
}

int bring_remove(struct client *c, const char *path, struct err *e)
{
	return call(c, action("remove", path), -1, NULL, e);
}

int bring_is_open(struct client *c, const char *path, bool *open, struct err *e)
{
	json_t *result = NULL;
	int ret = call(c, action("open", path), -1, &result, e);

	*open = !ret && json_is_true(json_object_get(result, "open"));
	json_decref(result);
	return ret;
}

int bring_done(struct client *c, struct err *e)
{
	return call(c, action("done", NULL), -1, NULL, e);
}

int bring_temp(const struct jail *j, struct err *e)
{
	int fd = openat(j->dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("gaol", MFD_CLOEXEC);
	return fd < 0 ? err_sys(e, "a temporary file cannot be made") : fd;
}
