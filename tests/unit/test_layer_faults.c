/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every system call that changes something fails in turn: an operation that reports an error has
 * changed nothing that can be seen, one that reports success has done all of it, and both are
 * still so after the layer was opened again. And kill -9 before every such call: what is opened
 * then is the state before or after the operation. The calls are interposed here, in the program.
 */
#include "tests/unit/layerdigest.h"
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct fault {
	int countdown; /* the call that fails, counted from 1; 0: none */
	int err;       /* 0: the process is killed instead */
	bool fired;
};

static struct fault *fault_of(void)
{
	static struct fault f;

	return &f;
}

/* True when this call is the one. */
static bool fails(void)
{
	struct fault *f = fault_of();

	if (!f->countdown || --f->countdown)
		return false;
	if (!f->err)
		kill(getpid(), SIGKILL);
	f->fired = true;
	errno = f->err;
	return true;
}

int mkdirat(int d, const char *path, mode_t mode)
{
	return fails() ? -1 : (int)syscall(SYS_mkdirat, d, path, mode);
}

int linkat(int d1, const char *p1, int d2, const char *p2, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_linkat, d1, p1, d2, p2, flags);
}

int unlinkat(int d, const char *path, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_unlinkat, d, path, flags);
}

int renameat(int d1, const char *p1, int d2, const char *p2)
{
	return fails() ? -1 : (int)syscall(SYS_renameat2, d1, p1, d2, p2, 0);
}

int renameat2(int d1, const char *p1, int d2, const char *p2, unsigned flags)
{
	return fails() ? -1 : (int)syscall(SYS_renameat2, d1, p1, d2, p2, flags);
}

int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_fsetxattr, fd, name, value, size, flags);
}

int ftruncate(int fd, off_t size)
{
	return fails() ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int fdatasync(int fd)
{
	return fails() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t copy_file_range(int in, off_t *off_in, int out, off_t *off_out, size_t n, unsigned flags)
{
	return fails() ? -1 : syscall(SYS_copy_file_range, in, off_in, out, off_out, n, flags);
}

int openat(int d, const char *path, int flags, ...)
{
	return (flags & (O_CREAT | __O_TMPFILE)) && fails()
		   ? -1
		   : (int)syscall(SYS_openat, d, path, flags, 0600);
}

static int on_parent(struct model *m, const char *path,
		     int (*fn)(struct model *, uint64_t, const char *))
{
	struct layer_entry d;
	const char *name;
	int err = walk_parent(m, path, &d, &name);

	ck_assert_int_eq(err, 0);
	err = fn(m, d.node, name);
	forget(m, &d);
	return err;
}

static int do_create(struct model *m, uint64_t d, const char *name)
{
	struct layer_entry e;
	uint64_t fh;
	int err = layer_create(m->l, d, name, 0640, O_RDWR, NULL, &e, &fh);

	if (!err) {
		layer_release(m->l, fh);
		forget(m, &e);
	}
	return err;
}

static int do_mkdir(struct model *m, uint64_t d, const char *name)
{
	struct layer_entry e;
	int err = layer_mkdir(m->l, d, name, 0700, NULL, &e);

	if (!err)
		forget(m, &e);
	return err;
}

static int do_symlink(struct model *m, uint64_t d, const char *name)
{
	struct layer_entry e;
	int err = layer_symlink(m->l, "target", d, name, NULL, &e);

	if (!err)
		forget(m, &e);
	return err;
}

static int do_unlink(struct model *m, uint64_t d, const char *name)
{
	return layer_unlink(m->l, d, name, NULL);
}

static int do_rmdir(struct model *m, uint64_t d, const char *name)
{
	return layer_rmdir(m->l, d, name, NULL);
}

static int create_deep(struct model *m)
{
	return on_parent(m, "dir/dir/x", do_create);
}

static int create_over_whiteout(struct model *m)
{
	return on_parent(m, "gone", do_create);
}

static int mkdir_deep(struct model *m)
{
	return on_parent(m, "c/c/x", do_mkdir);
}

static int mkdir_over_whiteout(struct model *m)
{
	return on_parent(m, "gone", do_mkdir);
}

static int symlink_deep(struct model *m)
{
	return on_parent(m, "dir/c/x", do_symlink);
}

static int unlink_linked(struct model *m)
{
	return on_parent(m, "dir/a", do_unlink);
}

static int unlink_upper(struct model *m)
{
	return on_parent(m, "b", do_unlink);
}

static int rmdir_emptied(struct model *m)
{
	return on_parent(m, "empty", do_rmdir);
}

static int rename_any(struct model *m, const char *from, const char *to, unsigned flags)
{
	const char *n1, *n2;
	struct layer_entry d1, d2;
	int err;

	ck_assert_int_eq(walk_parent(m, from, &d1, &n1), 0);
	ck_assert_int_eq(walk_parent(m, to, &d2, &n2), 0);
	err = layer_rename(m->l, d1.node, n1, d2.node, n2, flags, NULL);
	forget(m, &d1);
	forget(m, &d2);
	return err;
}

static int rename_free(struct model *m)
{
	return rename_any(m, "dir/b", "c/free", 0);
}

static int rename_over(struct model *m)
{
	return rename_any(m, "dir/b", "c/b", 0);
}

static int rename_dir(struct model *m)
{
	return rename_any(m, "dir/c", "moved", 0);
}

static int rename_dir_over(struct model *m)
{
	return rename_any(m, "dir/c", "empty", 0);
}

static int rename_exchange(struct model *m)
{
	return rename_any(m, "dir/c", "b", RENAME_EXCHANGE);
}

static int rename_linked(struct model *m)
{
	return rename_any(m, "dir/a", "c/a", 0);
}

static int link_lower(struct model *m)
{
	struct layer_entry e, made;
	int err = walk(m, "c/b", &e);

	ck_assert_int_eq(err, 0);
	err = layer_link(m->l, e.node, LAYER_ROOT, "link", NULL, &made);
	if (!err)
		forget(m, &made);
	forget(m, &e);
	return err;
}

static int set_some(struct model *m, const char *path, int what)
{
	struct stat in = {.st_mode = 0600, .st_uid = 7, .st_gid = 8, .st_size = 77}, out;
	struct layer_entry e;
	int err = walk(m, path, &e);

	ck_assert_int_eq(err, 0);
	err = layer_setattr(m->l, e.node, 0, what, &in, NULL, &out);
	forget(m, &e);
	return err;
}

static int chmod_lower(struct model *m)
{
	return set_some(m, "dir/dir/b", LAYER_SET_MODE);
}

static int chown_lower_dir(struct model *m)
{
	return set_some(m, "dir/dir", LAYER_SET_UID | LAYER_SET_GID);
}

static int truncate_lower(struct model *m)
{
	return set_some(m, "dir/b", LAYER_SET_SIZE);
}

static int truncate_meta(struct model *m)
{
	return set_some(m, "c/b", LAYER_SET_SIZE);
}

static int write_at(struct model *m, const char *path)
{
	struct iovec iov = {.iov_base = (char[]){"written"}, .iov_len = 7};
	struct layer_entry e;
	uint64_t fh;
	int err = walk(m, path, &e);

	ck_assert_int_eq(err, 0);
	err = layer_open_file(m->l, e.node, O_RDWR, NULL, &fh);
	if (!err) {
		ssize_t n = layer_writev(m->l, fh, &iov, 1, 100, NULL);
		err = n < 0 ? (int)n : 0;
		layer_release(m->l, fh);
	}
	forget(m, &e);
	return err;
}

static int write_lower(struct model *m)
{
	return write_at(m, "dir/b");
}

static int write_meta(struct model *m)
{
	return write_at(m, "c/b");
}

typedef int op_fn(struct model *m);
static op_fn *const ops[] = {
    create_deep,   create_over_whiteout, mkdir_deep,	  mkdir_over_whiteout, symlink_deep,
    unlink_linked, unlink_upper,	 rmdir_emptied,	  rename_free,	       rename_over,
    rename_dir,	   rename_dir_over,	 rename_exchange, rename_linked,       link_lower,
    chmod_lower,   chown_lower_dir,	 truncate_lower,  truncate_meta,       write_lower,
    write_meta,
};

/* A layer that has some history: a META file, a whiteout, an emptied directory. */
static void history(struct model *m)
{
	setup(m);
	ck_assert_int_eq(set_some(m, "c/b", LAYER_SET_MODE), 0);
	ck_assert_int_eq(set_some(m, "b", LAYER_SET_UID), 0);
	ck_assert_int_eq(rename_any(m, "a", "gone", 0), 0);
	ck_assert_int_eq(rename_any(m, "c/dir", "empty", 0), 0);
	for (const char *const *n =
		 (const char *const[]){"empty/a", "empty/b", "empty/\xff\xfe", NULL};
	     *n; n++)
		ck_assert_int_eq(on_parent(m, *n, do_unlink), 0);
	ck_assert_int_eq(on_parent(m, "gone", do_unlink), 0);
}

/* Runs op with the k-th changing call failing; false when it has no k-th call. */
static bool try_fault(op_fn *op, size_t which, int k, int err_no)
{
	struct model *m = calloc(1, sizeof(*m));
	struct fault *f = fault_of();
	uint64_t before, after, now;
	size_t nodes, handles, dirs;
	bool fired;
	int err;

	history(m);
	before = digest_layer(m, LAYER_ROOT, "");
	*f = (struct fault){.countdown = k, .err = err_no};
	err = op(m);
	fired = f->fired;
	*f = (struct fault){0};
	now = digest_layer(m, LAYER_ROOT, "");
	layer_counts(m->l, &nodes, &handles, &dirs);
	ck_assert_msg(nodes == 1 && !handles, "op %zu fault %d: nodes or handles are left", which,
		      k);
	ck_assert_msg(fired || !err, "op %zu fails by itself: %d", which, err);
	ck_assert_msg(!err || now == before, "op %zu fault %d: error %d, but changed", which, k,
		      err);
	ck_assert_msg(err || now != before, "op %zu fault %d: success, but unchanged", which, k);
	layer_close(m->l);
	layer_start(m);
	after = digest_layer(m, LAYER_ROOT, "");
	ck_assert_msg(after == now, "op %zu fault %d: changed by reopening", which, k);
	/* whatever failed, it can be done afterwards */
	if (err)
		ck_assert_msg(op(m) == 0, "op %zu fault %d: cannot be done again", which, k);
	layer_close(m->l);
	close(m->plain);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, m->top), 0);
	free(m);
	return fired;
}

/* Runs op in a child that dies before its k-th changing call; the state found then. */
static uint64_t try_kill(op_fn *op, int k, uint64_t *before, bool *killed)
{
	struct model *m = calloc(1, sizeof(*m));
	uint64_t now;
	int status;
	pid_t pid;

	history(m);
	*before = digest_layer(m, LAYER_ROOT, "");
	layer_close(m->l);
	pid = fork();
	if (!pid) {
		layer_start(m);
		*fault_of() = (struct fault){.countdown = k};
		_exit(op(m) != 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	*killed = WIFSIGNALED(status);
	ck_assert(*killed || status == 0);
	layer_start(m);
	work_is_clean(m);
	now = digest_layer(m, LAYER_ROOT, "");
	layer_close(m->l);
	close(m->plain);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, m->top), 0);
	free(m);
	return now;
}

START_TEST(killed_at_each_call)
{
	unsigned kills = 0, done = 0;

	umask(0);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		uint64_t before, after, now;
		bool killed;
		after = try_kill(ops[i], 0, &before, &killed);
		ck_assert_msg(after != before, "op %zu does nothing", i);
		for (int k = 1;; k++) {
			now = try_kill(ops[i], k, &before, &killed);
			if (!killed)
				break;
			kills++;
			done += now == after;
			ck_assert_msg(now == before || now == after,
				      "op %zu killed before call %d: a state that never was", i, k);
		}
	}
	printf("%u kills, %u after the deed was done\n", kills, done);
	ck_assert_uint_gt(kills, 100);
}
END_TEST

START_TEST(each_call_fails)
{
	static const int errs[] = {ENOSPC, EIO, EDQUOT};
	unsigned tried = 0;

	umask(0);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		for (int k = 1; try_fault(ops[i], i, k, errs[(k + (int)i) % 3]); k++)
			tried++;
	printf("%u faults in %zu operations\n", tried, sizeof(ops) / sizeof(*ops));
	ck_assert_uint_gt(tried, 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layer faults");
	TCase *t = tcase_create("faults");
	SRunner *r = srunner_create(s);
	int failed;

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: the fixture needs root for owners\n");
		return 0;
	}
	tcase_set_timeout(t, 0);
	tcase_add_test(t, each_call_fails);
	tcase_add_test(t, killed_at_each_call);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
