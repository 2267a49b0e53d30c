/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/window.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/fuse.h"
#include "core/mountpoint.h"
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* linux/mount.h, since Linux 5.10 */
#endif

enum {
	BATCH = 64, /* requests per wake-up */
	REQUEST_MAX = FUSE_DOOR_MAX_WRITE + 4096,
	OPTIONS_MAX = 16,
};

struct window {
	struct window_config config;
	struct loop_fd *watch;
	struct fuse_door *door;
	int fd; /* the session's */
	bool mounted;
	uint8_t *request;
};

/* Requests */

static int sink_reply(void *user, const struct iovec *iov, int n)
{
	struct window *w = user;

	return writev(w->fd, iov, n) < 0 ? -errno : 0;
}

static void gone(struct window *w)
{
	loop_fd_del(w->watch);
	w->watch = NULL;
	if (w->config.on_gone)
		w->config.on_gone(w->config.user);
}

static void on_request(void *user, int events)
{
	struct window *w = user;
	const struct fuse_sink sink = {.reply = sink_reply, .user = w};

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		ssize_t n = read(w->fd, w->request, REQUEST_MAX);

		if (n < 0 && (errno == ENOENT || errno == EINTR))
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) { /* ENODEV: unmounted or aborted */
			gone(w);
			return;
		}
		struct fuse_request rq = {.head = w->request, .head_len = (size_t)n};
		fuse_door_request(w->door, &rq, &sink);
	}
}

/* Mounting */

static struct fuse_door_config door_config(const struct window_config *c)
{
	struct fuse_door_config d = {.readonly = c->ro, .acl = c->default_permissions};

	if (c->caching) {
		d.upper = d.base = 3600;
		d.negative = d.keep_cache = true;
	} else {
		d.rewrite_links = c->ro;
	}
	return d;
}

/* The checks that give a clearer word than libfuse and fusermount3 do. */
static int check_place(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st))
		return err_sys(e, "window %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "window %s: not a directory", path);
	if (access("/dev/fuse", R_OK | W_OK))
		return err_set(e, -errno,
			       "window %s: /dev/fuse: %s: windows on the host need access to it",
			       path, strerror(errno));
	return 0;
}

/*
 * Mounts by libfuse, with what it and fusermount3 print caught: a console may own the terminal.
 * Until INIT is answered nobody asks this process anything, so nothing here can wait for us.
 */
static int mount_quietly(struct fuse_session *se, const char *path, struct err *e)
{
	cleanup_fd int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	cleanup_fd int caught = memfd_create("stderr", MFD_CLOEXEC);
	char said[200] = "";

	if (saved < 0 || caught < 0)
		return err_sys(e, "window %s", path);
	dup2(caught, STDERR_FILENO);
	int r = fuse_session_mount(se, path);
	dup2(saved, STDERR_FILENO);
	if (!r)
		return 0;
	ssize_t n = pread(caught, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	return err_set(e, -EIO, "window %s: cannot mount: %s", path,
		       *said ? said : "libfuse gives no reason");
}

/* A host tool that follows a link in the window would act outside of it. Best effort: links of a
 * read-only window are rewritten as well. */
static void forbid_links(const char *path)
{
	mount(NULL, path, NULL,
	      MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW,
	      NULL);
}

static int mount_door(struct window *w, struct layer *l, const char *path, struct err *e)
{
	const struct window_config *c = &w->config;
	const struct fuse_door_config d = door_config(c);
	char fsname[128], subtype[128];
	const char *o[OPTIONS_MAX] = {fsname, subtype, c->ro ? "ro" : "rw"};
	size_t n = 3;

	snprintf(fsname, sizeof(fsname), "fsname=%s", c->fsname ? c->fsname : "gaol");
	snprintf(subtype, sizeof(subtype), "subtype=%s", c->subtype ? c->subtype : "gaol");
	if (c->devices && !c->ro) {
		o[n++] = "dev,suid";
	} else {
		o[n++] = "nosuid,nodev";
		if (c->ro)
			o[n++] = "noexec";
	}
	if (c->allow_other)
		o[n++] = "allow_other";
	if (c->default_permissions)
		o[n++] = "default_permissions";
	w->door = fuse_door_new(l, &d, o, e);
	if (!w->door)
		return -EINVAL;
	struct fuse_session *se = fuse_door_session(w->door);
	int r = mount_quietly(se, path, e);
	if (r)
		return r;
	w->mounted = true;
	w->fd = fuse_session_fd(se);
	fcntl(w->fd, F_SETFD, FD_CLOEXEC);
	fcntl(w->fd, F_SETFL, fcntl(w->fd, F_GETFL) | O_NONBLOCK);
	if (c->ro && !geteuid())
		forbid_links(path);
	r = fuse_door_attach(w->door, w->fd);
	return r ? err_set(e, r, "window %s: libfuse takes no transport of ours", path) : 0;
}

struct window *window_mount(struct loop *loop, struct layer *l, const char *path,
			    const struct window_config *c, struct err *e)
{
	struct window *w;

	if (check_place(path, e))
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->config = *c;
	w->fd = -1;
	w->request = xmalloc(REQUEST_MAX + FUSE_DOOR_SLACK);
	if (mount_door(w, l, path, e))
		goto fail;
	w->watch = loop_fd_add(loop, w->fd, LOOP_IN, on_request, w);
	if (w->watch)
		return w;
	err_sys(e, "window %s", path);
fail:
	window_unmount(w);
	return NULL;
}

void window_unmount(struct window *w)
{
	if (!w)
		return;
	loop_fd_del(w->watch);
	/* libfuse closes the connection first, so that nothing waits, then detaches lazily. */
	if (w->mounted)
		fuse_session_unmount(fuse_door_session(w->door));
	fuse_door_free(w->door);
	free(w->request);
	free(w);
}

int window_cleanup(const char *path, struct err *e)
{
	return mountpoint_detach(path, "fuse.gaol", e);
}
