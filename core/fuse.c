/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libfuse's table of operations over the layer, and the door as an object. */
#include "core/fuse.h"
#include "core/buf.h"
#include "core/fuseops.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NOBODY 65534 /* no account of the host's and none of a guest's owns anything by it */

struct fuse_door_config fuse_door_guest(void)
{
	return (struct fuse_door_config){
	    .upper = 3600, .base = 1, .negative = true, .keep_cache = true, .acl = true};
}

struct fuse_door_config fuse_door_window(void)
{
	return (struct fuse_door_config){.readonly = true, .rewrite_links = true, .no_repos = true};
}

struct fuse_door *fuse_op_door(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

struct layer_cred fuse_op_cred(fuse_req_t req)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);

	return (struct layer_cred){c->uid, c->gid, (uint32_t)c->pid};
}

/* How long answers hold */

double fuse_door_valid(const struct fuse_door *d, uint64_t node)
{
	if (d->config.upper == d->config.base)
		return d->config.upper;
	return layer_source_of(d->layer, node, NULL) == LAYER_FROM_UPPER ? d->config.upper
									 : d->config.base;
}

/*
 * A file that is mapped and written there changes its times with no request. Who may map it so has
 * it open for both, and the mapping outlives the descriptor: its attributes are asked for each time
 * as long as the node is known.
 */
double fuse_door_attr_valid(const struct fuse_door *d, uint64_t node)
{
	return d->backing && layer_is_marked(d->layer, node) ? 0 : fuse_door_valid(d, node);
}

int fuse_door_opened(struct fuse_door *d, uint64_t node, uint64_t fh, int flags, bool made)
{
	int fd = -1;

	d->backing_id = 0;
	if (!d->backing)
		return 0;
	/* Data of a lower file moves to upper when it is written, and who reads it must follow. */
	if (d->config.readonly || layer_source_of(d->layer, node, NULL) == LAYER_FROM_UPPER)
		fd = layer_read_fd(d->layer, fh);
	int id = backing_add(d->backing, node, fd);
	if (id < 0)
		return id;
	d->backing_id = id;
	if (id && (flags & O_ACCMODE) == O_RDWR && !layer_is_marked(d->layer, node)) {
		layer_mark(d->layer, node);
		if (!made)
			backing_attr_stale(d->backing, node);
	}
	return 0;
}

void fuse_door_closed(struct fuse_door *d, uint64_t node)
{
	if (d->backing)
		backing_del(d->backing, node);
}

double fuse_door_negative(const struct fuse_door *d, uint64_t dir)
{
	return d->config.negative ? fuse_door_valid(d, dir) : 0;
}

static int64_t nanoseconds(struct timespec t)
{
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

bool fuse_door_keep_cache(struct fuse_door *d, uint64_t node)
{
	struct stat st;

	if (!d->config.keep_cache)
		return false;
	if (layer_source_of(d->layer, node, NULL) == LAYER_FROM_UPPER)
		return true;
	/* The host may have changed a base file since its pages were cached. */
	if (layer_getattr(d->layer, node, &st))
		return false;
	struct fuse_seen now = {node, nanoseconds(st.st_mtim), nanoseconds(st.st_ctim), st.st_size};
	/* The lower half of a node's number is its index in the layer's table: dense, so that files
	 * opened in turns do not meet. The upper half counts up beside it: mixing both would. */
	struct fuse_seen *seen = &d->seen[(uint32_t)node % FUSE_DOOR_SEEN];
	bool same = seen->node == node && seen->mtime_ns == now.mtime_ns &&
		    seen->ctime_ns == now.ctime_ns && seen->size == now.size;
	*seen = now;
	return same;
}

bool fuse_door_keep_listing(struct fuse_door *d, uint64_t dir)
{
	if (!d->config.keep_cache)
		return false;
	return d->config.upper == d->config.base || !layer_dir_has_lower(d->layer, dir);
}

/*
 * A repository, bare or not, has HEAD in its directory (git's setup.c, is_git_directory), and git
 * refuses one that somebody else owns (safe.directory in git-config(1)).
 */
static void disown_repo(const struct fuse_door *d, uint64_t node, struct stat *st)
{
	static const struct layer_cred nobody = {NOBODY, NOBODY, 0};
	struct layer_entry head;

	if (!d->config.no_repos || !S_ISDIR(st->st_mode) ||
	    layer_lookup(d->layer, node, "HEAD", &nobody, &head))
		return;
	layer_forget(d->layer, head.node, 1);
	st->st_uid = NOBODY;
}

void fuse_op_entry(const struct fuse_door *d, const struct layer_entry *e,
		   struct fuse_entry_param *out)
{
	*out = (struct fuse_entry_param){.ino = e->node,
					 .attr = e->st,
					 .attr_timeout = fuse_door_attr_valid(d, e->node),
					 .entry_timeout = fuse_door_valid(d, e->node)};
	disown_repo(d, e->node, &out->attr);
}

/* r: what the layer said. The look-up count comes back when the asker never got it. */
static void answer_entry(fuse_req_t req, int r, const struct layer_entry *e)
{
	struct fuse_door *d = fuse_op_door(req);
	struct fuse_entry_param p;

	if (r) {
		fuse_reply_err(req, -r);
		return;
	}
	fuse_op_entry(d, e, &p);
	if (fuse_reply_entry(req, &p))
		layer_forget(d->layer, e->node, 1);
}

void fuse_op_answer(fuse_req_t req, int r)
{
	fuse_reply_err(req, r < 0 ? -r : 0);
}

/* Entries */

static void op_init(void *user, struct fuse_conn_info *conn)
{
	struct fuse_door *d = user;
	unsigned want = FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_DIO |
			FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
			FUSE_CAP_DONT_MASK;

	if (d->config.acl)
		want |= FUSE_CAP_POSIX_ACL;
	if (d->config.keep_cache)
		want |= FUSE_CAP_CACHE_SYMLINKS;
	/* Not FUSE_CAP_AUTO_INVAL_DATA: it drops cached pages after each own write. */
	conn->want = want & conn->capable;
	conn->max_write = FUSE_DOOR_MAX_WRITE;
	conn->time_gran = 1;
}

static void op_lookup(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct fuse_door *d = fuse_op_door(req);
	struct layer_cred c = fuse_op_cred(req);
	struct layer_entry e;
	int r = layer_lookup(d->layer, dir, name, &c, &e);

	if (r == -ENOENT && d->config.negative) {
		struct fuse_entry_param p = {.entry_timeout = fuse_door_negative(d, dir)};
		fuse_reply_entry(req, &p);
		return;
	}
	answer_entry(req, r, &e);
}

static void op_forget(fuse_req_t req, fuse_ino_t node, uint64_t n)
{
	layer_forget(fuse_op_door(req)->layer, node, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *f)
{
	for (size_t i = 0; i < count; i++)
		layer_forget(fuse_op_door(req)->layer, f[i].ino, f[i].nlookup);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct fuse_door *d = fuse_op_door(req);
	struct stat st;
	int r = layer_getattr(d->layer, node, &st);

	if (r) {
		fuse_op_answer(req, r);
		return;
	}
	disown_repo(d, node, &st);
	fuse_reply_attr(req, &st, fuse_door_attr_valid(d, node));
}

/* FATTR_KILL_SUIDGID has the number that libfuse calls FUSE_SET_ATTR_KILL_SUID. */
static int set_flags(int to_set)
{
	static const struct {
		int fuse;
		int layer;
	} map[] = {
	    {FUSE_SET_ATTR_MODE, LAYER_SET_MODE},   {FUSE_SET_ATTR_UID, LAYER_SET_UID},
	    {FUSE_SET_ATTR_GID, LAYER_SET_GID},	    {FUSE_SET_ATTR_SIZE, LAYER_SET_SIZE},
	    {FUSE_SET_ATTR_CTIME, LAYER_SET_CTIME}, {FUSE_SET_ATTR_KILL_SUID, LAYER_KILL_SUIDGID},
	};
	int what = 0;

	/* A change of nothing is how a chown to (-1, -1), a fallocate and a copy_file_range ask to
	 * end set-id bits: the kernel takes them off its list when we promise HANDLE_KILLPRIV_V2,
	 * and sets FATTR_KILL_SUIDGID only with an owner or a size. */
	if (!to_set)
		return LAYER_KILL_SUIDGID;
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (to_set & map[i].fuse)
			what |= map[i].layer;
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		what |= LAYER_SET_ATIME_NOW;
	else if (to_set & FUSE_SET_ATTR_ATIME)
		what |= LAYER_SET_ATIME;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		what |= LAYER_SET_MTIME_NOW;
	else if (to_set & FUSE_SET_ATTR_MTIME)
		what |= LAYER_SET_MTIME;
	return what;
}

static void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *in, int to_set,
		       struct fuse_file_info *fi)
{
	struct fuse_door *d = fuse_op_door(req);
	struct layer_cred c = fuse_op_cred(req);
	struct stat out;
	int r = layer_setattr(d->layer, node, fi ? fi->fh : 0, set_flags(to_set), in, &c, &out);

	if (r)
		fuse_op_answer(req, r);
	else
		fuse_reply_attr(req, &out, fuse_door_attr_valid(d, node));
}

static unsigned depth_of(struct fuse_door *d, uint64_t node)
{
	char path[PATH_MAX];
	unsigned n = 0;

	if (layer_path(d->layer, node, path, sizeof(path)) <= 0)
		return 0;
	for (const char *p = path; *p; p++)
		n += *p == '/';
	return n ? n - 1 : 0;
}

static void op_readlink(fuse_req_t req, fuse_ino_t node)
{
	struct fuse_door *d = fuse_op_door(req);
	char target[PATH_MAX + 1];
	ssize_t n = layer_readlink(d->layer, node, target, sizeof(target));

	if (n >= 0 && d->config.rewrite_links)
		n = fuse_link_rewrite(target, sizeof(target), depth_of(d, node));
	if (n < 0)
		fuse_op_answer(req, (int)n);
	else
		fuse_reply_readlink(req, target);
}

static int make(fuse_req_t req, uint64_t dir, const char *name, mode_t mode, dev_t rdev,
		struct layer_entry *e)
{
	struct fuse_door *d = fuse_op_door(req);
	struct layer_cred c = fuse_op_cred(req);
	struct fuse_inherit in;
	int r = fuse_inherit_get(d, dir, fuse_req_ctx(req)->umask, &mode, &in);

	if (r)
		return r;
	if (S_ISDIR(mode))
		r = layer_mkdir(d->layer, dir, name, mode, &c, e);
	else
		r = layer_mknod(d->layer, dir, name, mode, rdev, &c, e);
	if (!r) {
		r = fuse_inherit_put(d, &in, e, &c);
		if (r)
			layer_forget(d->layer, e->node, 1);
	}
	fuse_inherit_free(&in);
	return r;
}

static void op_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, dev_t rdev)
{
	struct layer_entry e;

	if (S_ISDIR(mode))
		fuse_reply_err(req, EPERM);
	else
		answer_entry(req, make(req, dir, name, mode, rdev, &e), &e);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode)
{
	struct layer_entry e;

	answer_entry(req, make(req, dir, name, (mode & 07777) | S_IFDIR, 0, &e), &e);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t dir, const char *name)
{
	struct layer_cred c = fuse_op_cred(req);
	struct layer_entry e;

	answer_entry(req, layer_symlink(fuse_op_door(req)->layer, target, dir, name, &c, &e), &e);
}

static void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t dir, const char *name)
{
	struct layer_cred c = fuse_op_cred(req);
	struct layer_entry e;

	answer_entry(req, layer_link(fuse_op_door(req)->layer, node, dir, name, &c, &e), &e);
}

static void op_unlink(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct layer_cred c = fuse_op_cred(req);

	fuse_op_answer(req, layer_unlink(fuse_op_door(req)->layer, dir, name, &c));
}

static void op_rmdir(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct layer_cred c = fuse_op_cred(req);

	fuse_op_answer(req, layer_rmdir(fuse_op_door(req)->layer, dir, name, &c));
}

static void op_rename(fuse_req_t req, fuse_ino_t dir, const char *name, fuse_ino_t newdir,
		      const char *newname, unsigned flags)
{
	struct layer_cred c = fuse_op_cred(req);

	fuse_op_answer(
	    req, layer_rename(fuse_op_door(req)->layer, dir, name, newdir, newname, flags, &c));
}

/* No flush (answered ENOSYS, which ends the question), no locks (the kernel that mounted keeps
 * them), no ioctl, poll, bmap; read, write and setxattr never get here. */
static const struct fuse_lowlevel_ops ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .symlink = op_symlink,
    .link = op_link,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .rename = op_rename,
    .open = fuse_op_open,
    .create = fuse_op_create,
    .release = fuse_op_release,
    .fsync = fuse_op_fsync,
    .fallocate = fuse_op_fallocate,
    .lseek = fuse_op_lseek,
    .copy_file_range = fuse_op_copy_file_range,
    .statfs = fuse_op_statfs,
    .opendir = fuse_op_opendir,
    .readdir = fuse_op_readdir,
    .readdirplus = fuse_op_readdirplus,
    .releasedir = fuse_op_releasedir,
    .fsyncdir = fuse_op_fsyncdir,
    .getxattr = fuse_op_getxattr,
    .listxattr = fuse_op_listxattr,
    .removexattr = fuse_op_removexattr,
};

/* The door */

void fuse_door_pass_on(struct fuse_door *d, const struct fuse_request *rq)
{
	struct fuse_buf buf = {.mem = rq->head, .size = rq->head_len};

	fuse_session_process_buf(d->session, &buf);
}

/* libfuse's way out. A reply that could not be delivered counts as ENOENT ("interrupted"), the one
 * error about which libfuse prints nothing. */
static ssize_t io_writev(int fd, struct iovec *iov, int n, void *user)
{
	struct fuse_door *d = user;
	const struct {
		uint32_t len;
		int32_t error;
		uint64_t unique;
	} *h = iov[0].iov_base;

	if (!d->sink || d->replied || h->unique != d->unique)
		return h->len;
	if (!d->mounted && !h->error && n == 2)
		fuse_door_amend_init(d, iov[1].iov_base, iov[1].iov_len);
	if (d->backing_id && !h->error && n == 2)
		fuse_door_amend_open(d, iov[1].iov_base, iov[1].iov_len);
	d->replied = true;
	if (h->error && h->error != -ENOENT)
		d->counts.errors++;
	if (!d->sink->reply(d->sink->user, iov, n))
		return h->len;
	errno = ENOENT;
	return -1;
}

static ssize_t io_read(int fd, void *p, size_t n, void *user)
{
	errno = EAGAIN; /* requests are handed in by the door */
	return -1;
}

static void quiet_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	/* libfuse logs to stderr what a guest may have chosen; errors come back as values. */
}

struct fuse_door *fuse_door_new(struct layer *l, const struct fuse_door_config *c,
				const char *const *mount_options, struct err *e)
{
	struct fuse_door *d = xcalloc(1, sizeof(*d));
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);

	d->layer = l;
	d->config = *c;
	d->scratch = xmalloc(FUSE_DOOR_MAX_WRITE);
	d->seen = xcalloc(FUSE_DOOR_SEEN, sizeof(*d->seen));
	fuse_set_log_func(quiet_log);
	fuse_opt_add_arg(&args, "gaol");
	for (; mount_options && *mount_options; mount_options++) {
		fuse_opt_add_arg(&args, "-o");
		fuse_opt_add_arg(&args, *mount_options);
	}
	d->session = fuse_session_new(&args, &ops, sizeof(ops), d);
	fuse_opt_free_args(&args);
	if (d->session)
		return d;
	err_set(e, -EINVAL, "libfuse refuses the mount options");
	fuse_door_free(d);
	return NULL;
}

void fuse_door_free(struct fuse_door *d)
{
	if (!d)
		return;
	d->sink = NULL;
	backing_free(d->backing);
	if (d->session)
		fuse_session_destroy(d->session);
	free(d->scratch);
	free(d->seen);
	free(d);
}

struct fuse_session *fuse_door_session(struct fuse_door *d)
{
	return d->session;
}

int fuse_door_attach(struct fuse_door *d, int fd)
{
	static const struct fuse_custom_io io = {.writev = io_writev, .read = io_read};

	d->dev = fd;
	return fuse_session_custom_io(d->session, &io, fd);
}

bool fuse_door_is_mounted(const struct fuse_door *d)
{
	return d->mounted;
}

void fuse_door_get_counts(const struct fuse_door *d, struct fuse_door_counts *out)
{
	*out = d->counts;
}
