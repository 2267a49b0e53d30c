/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/window.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/fuse.h"
#include "core/mountpoint.h"
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* linux/mount.h, since Linux 5.10 */
#endif

enum {
	BATCH = 64, /* requests per wake-up */
	REQUEST_MAX = FUSE_DOOR_MAX_WRITE + 4096,
	OPTIONS_MAX = 16,
	SPLICE_MIN = 16 * 1024,	 /* below that a copy is cheaper than three calls */
	SPLICE_MAX = 256 * 1024, /* the kernel asks for its readahead's 128 KiB */
	POLL_NS = 20 * 1000,
	POLL_TRIES = 8,		    /* polls in a row that may find nothing ... */
	POLL_PAUSE = 64,	    /* ... before so many requests go by without one */
	PIPE_ROOM = 2 * SPLICE_MAX, /* a page per buffer, and one for the header */
};

struct window {
	struct window_config config;
	struct loop_fd *watch;
	struct fuse_door *door;
	int fd;	     /* the session's */
	int pipe[2]; /* READ's data on its way from file to kernel, -1: not to be had */
	bool mounted;
	unsigned poll_failed; /* in a row */
	unsigned poll_pause;  /* requests until it is tried again */
	uint8_t *request;
};

/* Requests */

static int sink_reply(void *user, const struct iovec *iov, int n)
{
	struct window *w = user;

	return writev(w->fd, iov, n) < 0 ? -errno : 0;
}

static void pipe_close(struct window *w)
{
	fd_close(&w->pipe[0]);
	fd_close(&w->pipe[1]);
}

static void pipe_open(struct window *w)
{
	if (pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		w->pipe[0] = w->pipe[1] = -1;
	else if (fcntl(w->pipe[1], F_SETPIPE_SZ, PIPE_ROOM) < PIPE_ROOM)
		pipe_close(w);
}

/* Pages go from the file into the pipe and on to the kernel without a copy by us. */
static ssize_t sink_file(void *user, uint64_t unique, int fd, off_t off, size_t want)
{
	struct window *w = user;
	struct fuse_out_header h = {.len = (uint32_t)(sizeof(h) + want), .unique = unique};
	size_t in = 0;
	ssize_t n;

	if (want < SPLICE_MIN || want > SPLICE_MAX || w->pipe[0] < 0)
		return -EAGAIN;
	n = write(w->pipe[1], &h, sizeof(h));
	while (n > 0 && in < want) {
		n = splice(fd, &off, w->pipe[1], NULL, want - in, SPLICE_F_NONBLOCK);
		in += n > 0 ? (size_t)n : 0;
	}
	if (in == want) {
		n = splice(w->pipe[0], NULL, w->fd, NULL, h.len, 0);
		if (n == (ssize_t)h.len)
			return (ssize_t)want;
	}
	/* A file that ends early, pages that cannot be lent, an asker that went away: what is left
	 * in the pipe must not meet the next reply, and this one is copied. */
	pipe_close(w);
	pipe_open(w);
	return -EAGAIN;
}

static void gone(struct window *w)
{
	loop_fd_del(w->watch);
	w->watch = NULL;
	if (w->config.on_gone)
		w->config.on_gone(w->config.user);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/*
 * read(2), but that it waits a moment for what comes. On a busy host the asker cannot run while we
 * look, or thinks for longer than we wait: then polling pauses, so that it costs little there.
 */
static ssize_t read_soon(struct window *w)
{
	ssize_t n = read(w->fd, w->request, REQUEST_MAX);

	if (!w->config.poll || n >= 0 || errno != EAGAIN)
		return n;
	if (w->poll_pause) {
		w->poll_pause--;
		return n;
	}
	for (int64_t end = now_ns() + POLL_NS; n < 0 && errno == EAGAIN && now_ns() < end;)
		n = read(w->fd, w->request, REQUEST_MAX);
	if (n >= 0) {
		w->poll_failed = 0;
	} else if (++w->poll_failed == POLL_TRIES) {
		w->poll_failed = 0;
		w->poll_pause = POLL_PAUSE;
	}
	return n;
}

static void on_request(void *user, int events)
{
	struct window *w = user;
	const struct fuse_sink sink = {.reply = sink_reply, .reply_file = sink_file, .user = w};

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		ssize_t n = read_soon(w);

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
	struct fuse_door_config d = {
	    .readonly = c->ro, .no_repos = c->ro, .acl = c->default_permissions};

	if (c->caching) {
		d.upper = d.base = 3600;
		d.negative = d.keep_cache = true;
		d.passthrough = !geteuid();
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
	pipe_open(w);
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
	pipe_close(w);
	free(w->request);
	free(w);
}

int window_cleanup(const char *path, struct err *e)
{
	return mountpoint_detach(path, "fuse.gaol", e);
}
