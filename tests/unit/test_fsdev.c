/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsdev and fuse: FUSE requests of a guest that lies, by virtqueue, on a real layer. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/fsdev.h"
#include "core/fuse_priv.h"
#include "tests/unit/frontend.h"
#include <linux/fuse.h>
#include <linux/limits.h>
#include <sys/stat.h>

#define IN_AT 0	       /* where requests lie in FE_DATA */
#define OUT_AT 0x20000 /* and replies */
#define OUT_MAX 0x10000

struct guest {
	struct loop *loop;
	struct layer *layer;
	struct fsdev *d;
	struct fe f;
	char root[64];
	bool gone, broken;
	uint64_t unique;
	uint8_t *in, *out;
	size_t in_len;
};

static void on_gone(void *user, bool broken, const char *reason)
{
	struct guest *g = user;

	g->gone = true;
	g->broken = broken;
}

static char *path_of(struct guest *g, const char *name)
{
	return xasprintf("%s/%s", g->root, name);
}

static void start_raw(struct guest *g)
{
	struct sockaddr_un at;
	struct err e = {0};

	*g = (struct guest){.root = "/tmp/gaol-fsdev-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(g->root));
	char *lower = path_of(g, "lower"), *upper = path_of(g, "upper"), *work = path_of(g, "work");
	mkdir(lower, 0755);
	mkdir(upper, 0700);
	mkdir(work, 0700);
	char *base = path_of(g, "lower/base");
	int fd = open(base, O_WRONLY | O_CREAT, 0644);
	ck_assert_int_eq(write(fd, "0123456789", 10), 10);
	close(fd);
	struct layer_config c = {
	    .lower = {{.path = lower}}, .nlower = 1, .upper = upper, .work = work};
	ck_assert_msg(!layer_open(&g->layer, &c, &e), "%s", e.text);
	g->loop = loop_new();
	struct fsdev_config fc = {
	    .tag = "tag", .door = fuse_door_guest(), .on_gone = on_gone, .user = g};
	g->d = fsdev_new(g->loop, fe_listen(&at), g->layer, &fc, &e);
	ck_assert_ptr_nonnull(g->d);
	fe_connect(&g->f, g->loop, &at);
	fe_up(&g->f, 2, UINT64_C(3) << 28);
	g->in = g->f.mem + FE_DATA + IN_AT;
	g->out = g->f.mem + FE_DATA + OUT_AT;
	free(lower);
	free(upper);
	free(work);
	free(base);
}

static void stop(struct guest *g)
{
	fsdev_free(g->d);
	layer_close(g->layer);
	fe_close(&g->f);
	loop_free(g->loop);
	dir_remove_tree(AT_FDCWD, g->root);
}

static void begin(struct guest *g, uint32_t opcode, uint64_t node)
{
	struct fuse_in_header h = {.opcode = opcode, .unique = ++g->unique, .nodeid = node};

	memcpy(g->in, &h, sizeof(h));
	g->in_len = sizeof(h);
}

static void add(struct guest *g, const void *p, size_t n)
{
	memcpy(g->in + g->in_len, p, n);
	g->in_len += n;
}

/* Sends what was put together, in two segments, by queue 1. The reply's error, 1 when there is no
 * reply, -1000 when it makes no sense. */
static int finish_as(struct guest *g, uint32_t len)
{
	struct fuse_in_header *h = (void *)g->in;
	struct fuse_out_header *o = (void *)g->out;
	uint64_t at = FE_GPA + FE_DATA;
	uint32_t id, used;

	h->len = len;
	memset(g->out, 0xee, sizeof(*o));
	uint32_t first = g->in_len < 40 ? (uint32_t)g->in_len : 40;
	fe_put_desc(&g->f, 1, 0, at, first, VRING_DESC_F_NEXT, g->in_len > first ? 1 : 2);
	fe_put_desc(&g->f, 1, 1, at + first, (uint32_t)g->in_len - first, VRING_DESC_F_NEXT, 2);
	fe_put_desc(&g->f, 1, 2, at + OUT_AT, 16, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 3);
	fe_put_desc(&g->f, 1, 3, at + OUT_AT + 16, OUT_MAX - 16, VRING_DESC_F_WRITE, 0);
	fe_offer(&g->f, 1, 0);
	fe_kick(&g->f, 1);
	if (!fe_take(&g->f, 1, &id, &used))
		return -1000;
	if (!used)
		return 1;
	if (used < 16 || o->len != used || o->unique != g->unique || o->error > 0)
		return -1000;
	return o->error;
}

static int finish(struct guest *g)
{
	return finish_as(g, (uint32_t)g->in_len);
}

static void *body(struct guest *g)
{
	return g->out + sizeof(struct fuse_out_header);
}

static int init(struct guest *g)
{
	struct fuse_init_in in = {
	    .major = 7, .minor = 46, .max_readahead = 131072, .flags = 0x73ffffff};

	begin(g, FUSE_INIT, 0);
	add(g, &in, sizeof(in));
	return finish(g);
}

static void start(struct guest *g)
{
	start_raw(g);
	ck_assert_int_eq(init(g), 0);
	ck_assert(fsdev_is_mounted(g->d));
}

static uint64_t lookup(struct guest *g, const char *name)
{
	begin(g, FUSE_LOOKUP, 1);
	add(g, name, strlen(name) + 1);
	return finish(g) ? 0 : ((struct fuse_entry_out *)body(g))->nodeid;
}

static uint64_t open_node(struct guest *g, uint64_t node, uint32_t flags)
{
	struct fuse_open_in in = {.flags = flags};

	begin(g, FUSE_OPEN, node);
	add(g, &in, sizeof(in));
	ck_assert_int_eq(finish(g), 0);
	return ((struct fuse_open_out *)body(g))->fh;
}

START_TEST(init_is_amended)
{
	struct guest g;

	start(&g);
	const struct fuse_init_out *o = body(&g);
	ck_assert(o->flags & FUSE_HANDLE_KILLPRIV_V2);
	ck_assert(o->flags & FUSE_SETXATTR_EXT);
	ck_assert(o->flags & FUSE_POSIX_ACL);
	ck_assert(o->flags & FUSE_DONT_MASK);
	ck_assert(!(o->flags & FUSE_WRITEBACK_CACHE));
	ck_assert(!(o->flags & FUSE_AUTO_INVAL_DATA));
	ck_assert(!(o->flags & (FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS)));
	ck_assert_uint_eq(o->max_write, FUSE_DOOR_MAX_WRITE);
	ck_assert_uint_eq(o->max_pages, 256);
	ck_assert_int_eq(init(&g), -EIO); /* not twice */
	stop(&g);
}
END_TEST

/* What gaol's own kernel spares itself is agreed on by a bit that no other kernel offers. */
START_TEST(guest_kernel_is_known)
{
	struct fuse_init_in in = {.major = 7,
				  .minor = 46,
				  .flags = FUSE_INIT_EXT,
				  .flags2 = (uint32_t)(FUSE_DOOR_GUEST_FLAG >> 32)};
	struct fuse_create_in create = {.flags = O_WRONLY | O_CREAT, .mode = S_IFREG | 0644};
	const struct fuse_init_out *o;
	struct guest g;

	start(&g);
	o = body(&g);
	ck_assert(!(o->flags2 & in.flags2));
	stop(&g);
	start_raw(&g);
	begin(&g, FUSE_INIT, 0);
	add(&g, &in, sizeof(in));
	ck_assert_int_eq(finish(&g), 0);
	o = body(&g);
	ck_assert(o->flags & FUSE_INIT_EXT);
	ck_assert(o->flags2 & in.flags2);
	/* the promise: a name that is there is told of, without O_EXCL too */
	static const char *const names[] = {"new", "new", "base"};
	for (int i = 0; i < 3; i++) {
		begin(&g, FUSE_CREATE, 1);
		add(&g, &create, sizeof(create));
		add(&g, names[i], strlen(names[i]) + 1);
		ck_assert_int_eq(finish(&g), i ? -EEXIST : 0);
	}
	stop(&g);
}
END_TEST

START_TEST(nothing_before_init)
{
	struct guest g;

	start_raw(&g);
	ck_assert_uint_eq(lookup(&g, "base"), 0);
	struct fuse_init_in in = {.major = 7, .minor = 8};
	begin(&g, FUSE_INIT, 0);
	add(&g, &in, sizeof(in));
	ck_assert_int_eq(finish(&g), -EIO);
	ck_assert(!fsdev_is_mounted(g.d));
	ck_assert_int_eq(init(&g), 0);
	ck_assert_uint_ne(lookup(&g, "base"), 0);
	stop(&g);
}
END_TEST

/* Files of the base that are opened in turns keep their pages, until the host changes one. */
START_TEST(pages_stay)
{
	enum { FILES = 8 };
	struct guest g;
	uint64_t node[FILES];
	char name[16];

	start(&g);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "lower/b%d", i);
		char *path = path_of(&g, name);
		ck_assert_int_eq(close(open(path, O_WRONLY | O_CREAT, 0644)), 0);
		free(path);
		node[i] = lookup(&g, name + 6);
		ck_assert_uint_ne(node[i], 0);
	}
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < FILES; i++) {
			open_node(&g, node[i], O_RDONLY);
			const struct fuse_open_out *o = body(&g);
			ck_assert_int_eq(!!(o->open_flags & FOPEN_KEEP_CACHE), turn > 0);
		}
	}
	char *path = path_of(&g, "lower/b3");
	ck_assert_int_eq(truncate(path, 1), 0);
	free(path);
	open_node(&g, node[3], O_RDONLY);
	ck_assert(!(((const struct fuse_open_out *)body(&g))->open_flags & FOPEN_KEEP_CACHE));
	stop(&g);
}
END_TEST

START_TEST(read_and_write)
{
	struct guest g;
	struct fsdev_counts n;

	start(&g);
	uint64_t node = lookup(&g, "base");
	ck_assert_uint_ne(node, 0);
	uint64_t fh = open_node(&g, node, O_RDWR);
	struct fuse_write_in w = {.fh = fh, .offset = 4, .size = 3};
	begin(&g, FUSE_WRITE, node);
	add(&g, &w, sizeof(w));
	add(&g, "abc", 3);
	ck_assert_int_eq(finish(&g), 0);
	ck_assert_uint_eq(((struct fuse_write_out *)body(&g))->size, 3);
	struct fuse_read_in r = {.fh = fh, .offset = 2, .size = 100};
	begin(&g, FUSE_READ, node);
	add(&g, &r, sizeof(r));
	ck_assert_int_eq(finish(&g), 0);
	ck_assert_uint_eq(((struct fuse_out_header *)g.out)->len, 16 + 8);
	ck_assert_int_eq(memcmp(body(&g), "23abc789", 8), 0);
	fsdev_get_counts(g.d, &n);
	ck_assert_uint_eq(n.bytes_written, 3);
	ck_assert_uint_eq(n.bytes_read, 8);
	ck_assert_uint_eq(n.bad, 0);
	/* the host's own file is untouched */
	char *base = path_of(&g, "lower/base");
	char text[16] = "";
	int fd = open(base, O_RDONLY);
	ck_assert_int_eq(read(fd, text, 15), 10);
	ck_assert_str_eq(text, "0123456789");
	close(fd);
	free(base);
	stop(&g);
}
END_TEST

START_TEST(write_lies_about_size)
{
	struct guest g;

	start(&g);
	uint64_t node = lookup(&g, "base");
	uint64_t fh = open_node(&g, node, O_RDWR);
	static const uint32_t sizes[] = {0, 2, 4, 1 << 20, (1 << 20) + 1, UINT32_MAX};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct fuse_write_in w = {.fh = fh, .size = sizes[i]};
		begin(&g, FUSE_WRITE, node);
		add(&g, &w, sizeof(w));
		add(&g, "abc", 3);
		ck_assert_int_eq(finish(&g), -EIO);
	}
	struct fuse_write_in w = {.fh = fh + 12345, .size = 3};
	begin(&g, FUSE_WRITE, node);
	add(&g, &w, sizeof(w));
	add(&g, "abc", 3);
	ck_assert_int_lt(finish(&g), 0);
	w = (struct fuse_write_in){.fh = fh, .offset = UINT64_MAX - 1, .size = 3};
	begin(&g, FUSE_WRITE, node);
	add(&g, &w, sizeof(w));
	add(&g, "abc", 3);
	ck_assert_int_eq(finish(&g), -EINVAL);
	ck_assert(!g.gone);
	stop(&g);
}
END_TEST

/* Names without an end, arguments cut short, lengths that disagree. */
START_TEST(malformed)
{
	struct guest g;
	char long_name[1000];

	start(&g);
	memset(long_name, 'n', sizeof(long_name));
	begin(&g, FUSE_LOOKUP, 1);
	add(&g, long_name, sizeof(long_name));
	ck_assert_int_eq(finish(&g), -EIO);
	begin(&g, FUSE_LOOKUP, 1);
	ck_assert_int_eq(finish(&g), -EIO);
	begin(&g, FUSE_RENAME2, 1);
	add(&g, long_name, 16);
	add(&g, "only one", 9);
	ck_assert_int_eq(finish(&g), -EIO);
	begin(&g, FUSE_GETATTR, 1);
	ck_assert_int_eq(finish(&g), -EIO);
	begin(&g, FUSE_STATFS, 1);
	ck_assert_int_eq(finish_as(&g, 39), -EIO);
	begin(&g, FUSE_STATFS, 1);
	ck_assert_int_eq(finish_as(&g, 4096), -EIO);
	begin(&g, FUSE_STATFS, 1);
	g.in_len = 39;
	ck_assert_int_eq(finish(&g), 1);
	struct fuse_setxattr_in x = {.size = 100};
	begin(&g, FUSE_SETXATTR, 1);
	add(&g, &x, sizeof(x));
	add(&g, "user.x\0abc", 10);
	ck_assert_int_eq(finish(&g), -EIO);
	begin(&g, FUSE_STATFS, 0);
	ck_assert_int_eq(finish(&g), -EIO);
	begin(&g, FUSE_STATFS, 1);
	ck_assert_int_eq(finish(&g), 0);
	stop(&g);
}
END_TEST

START_TEST(unknown_operations)
{
	struct guest g;
	static const uint32_t ops[] = {0,	   7,		FUSE_FLUSH,  FUSE_GETLK,
				       FUSE_SETLK, FUSE_SETLKW, FUSE_ACCESS, FUSE_BMAP,
				       FUSE_IOCTL, FUSE_POLL,	52,	     53,
				       100,	   4096,	UINT32_MAX};

	start(&g);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		begin(&g, ops[i], 1);
		ck_assert_int_eq(finish(&g), -ENOSYS);
	}
	begin(&g, FUSE_INTERRUPT, 0);
	add(&g, "12345678", 8);
	ck_assert_int_eq(finish(&g), 1);
	struct fuse_batch_forget_in b = {.count = 1000000};
	begin(&g, FUSE_BATCH_FORGET, 0);
	add(&g, &b, sizeof(b));
	ck_assert_int_eq(finish(&g), 1);
	stop(&g);
}
END_TEST

START_TEST(stale_nodes)
{
	struct guest g;
	struct fuse_getattr_in in = {0};

	start(&g);
	static const uint64_t nodes[] = {2, 3, 4711, UINT64_C(1) << 32, UINT64_MAX};
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		begin(&g, FUSE_GETATTR, nodes[i]);
		add(&g, &in, sizeof(in));
		ck_assert_int_eq(finish(&g), -ESTALE);
	}
	begin(&g, FUSE_FORGET, 4711);
	add(&g, "\377\377\377\377\377\377\377\377", 8);
	ck_assert_int_eq(finish(&g), 1);
	stop(&g);
}
END_TEST

/* Data whose address lies outside guest memory: that request fails, the next one works. */
START_TEST(data_outside)
{
	struct guest g;
	uint32_t id, used;
	const struct fuse_out_header *o;

	start(&g);
	uint64_t node = lookup(&g, "base"), fh = open_node(&g, node, O_RDWR);
	struct fuse_write_in w = {.fh = fh, .size = 4096};
	begin(&g, FUSE_WRITE, node);
	add(&g, &w, sizeof(w));
	((struct fuse_in_header *)g.in)->len = 80 + 4096;
	uint64_t at = FE_GPA + FE_DATA;
	fe_put_desc(&g.f, 1, 0, at, 80, VRING_DESC_F_NEXT, 1);
	fe_put_desc(&g.f, 1, 1, 0x1000, 4096, VRING_DESC_F_NEXT, 2);
	fe_put_desc(&g.f, 1, 2, at + OUT_AT, 24, VRING_DESC_F_WRITE, 0);
	fe_offer(&g.f, 1, 0);
	fe_kick(&g.f, 1);
	ck_assert(fe_take(&g.f, 1, &id, &used));
	o = (const void *)g.out;
	ck_assert_uint_eq(used, 16);
	ck_assert_int_eq(o->error, -EFAULT);
	ck_assert_uint_eq(o->unique, g.unique);
	ck_assert_uint_ne(lookup(&g, "base"), 0);
	ck_assert(!g.gone);
	stop(&g);
}
END_TEST

START_TEST(no_room_for_reply)
{
	struct guest g;
	uint32_t id, used;
	struct fsdev_counts n;

	start(&g);
	begin(&g, FUSE_STATFS, 1);
	((struct fuse_in_header *)g.in)->len = 40;
	fe_put_desc(&g.f, 1, 0, FE_GPA + FE_DATA, 40, VRING_DESC_F_NEXT, 1);
	fe_put_desc(&g.f, 1, 1, FE_GPA + FE_DATA + OUT_AT, 20, VRING_DESC_F_WRITE, 0);
	fe_offer(&g.f, 1, 0);
	fe_kick(&g.f, 1);
	ck_assert(fe_take(&g.f, 1, &id, &used));
	ck_assert_uint_eq(used, 0);
	fsdev_get_counts(g.d, &n);
	ck_assert_uint_ge(n.bad, 1);
	ck_assert_uint_ne(lookup(&g, "base"), 0);
	stop(&g);
}
END_TEST

START_TEST(hold_and_resume)
{
	struct guest g;
	uint32_t id, used;

	start(&g);
	fsdev_hold(g.d);
	begin(&g, FUSE_STATFS, 1);
	ck_assert_int_eq(finish(&g), -1000);
	fe_turn(&g.f);
	ck_assert(!fe_take(&g.f, 1, &id, &used));
	fsdev_resume(g.d);
	fe_turn(&g.f);
	ck_assert(fe_take(&g.f, 1, &id, &used));
	ck_assert_uint_eq(used, 16 + sizeof(struct fuse_statfs_out));
	stop(&g);
}
END_TEST

START_TEST(tmpfile_gets_a_name)
{
	struct guest g;
	struct fuse_create_in c = {.flags = O_RDWR, .mode = S_IFREG | 0666, .umask = 027};

	start(&g);
	begin(&g, FUSE_TMPFILE, 1);
	add(&g, &c, sizeof(c));
	add(&g, "", 1);
	ck_assert_int_eq(finish(&g), 0);
	struct fuse_entry_out e = *(struct fuse_entry_out *)body(&g);
	ck_assert_uint_eq(e.attr.mode, S_IFREG | 0640);
	ck_assert_uint_eq(e.attr.nlink, 0);
	struct fuse_link_in l = {.oldnodeid = e.nodeid};
	begin(&g, FUSE_LINK, 1);
	add(&g, &l, sizeof(l));
	add(&g, "named", 6);
	ck_assert_int_eq(finish(&g), 0);
	ck_assert_uint_eq(lookup(&g, "named"), e.nodeid);
	stop(&g);
}
END_TEST

static uint32_t next_random(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

/* Requests with a true header and random arguments, now and then a sensible node or handle. */
START_TEST(random_requests)
{
	struct guest g;
	uint32_t seed = 2005 + (uint32_t)_i;

	start(&g);
	uint64_t node = lookup(&g, "base"), fh = open_node(&g, node, O_RDWR);
	for (int i = 0; i < 4000; i++) {
		uint8_t args[300];
		size_t n = next_random(&seed) % sizeof(args);

		for (size_t k = 0; k < n; k++)
			args[k] = next_random(&seed) % 3 ? 0 : (uint8_t)next_random(&seed);
		if (n >= 8 && next_random(&seed) % 2)
			memcpy(args, &fh, 8);
		if (n > 70 && next_random(&seed) % 2)
			memcpy(args + n - 5, "name", 5);
		begin(&g, next_random(&seed) % 54, next_random(&seed) % 3 ? 1 : node);
		add(&g, args, n);
		if (next_random(&seed) % 8)
			ck_assert_int_ne(finish(&g), -1000);
		else
			finish_as(&g, next_random(&seed) % 400);
	}
	ck_assert(!g.gone);
	stop(&g);
}
END_TEST

START_TEST(links_stay_inside)
{
	static const struct {
		const char *target;
		unsigned depth;
		const char *want;
	} cases[] = {
	    {"/", 0, "."},
	    {"/", 2, "../.."},
	    {"/etc/passwd", 0, "etc/passwd"},
	    {"/etc/passwd", 3, "../../../etc/passwd"},
	    {"a", 0, "a"},
	    {"../a", 1, "../a"},
	    {"../../a", 1, "../a"},
	    {"../../../..", 2, "../.."},
	    {"..", 0, "."},
	    {"a/../../b", 0, "b"},
	    {"a/../../b", 1, "../b"},
	    {"a//./b/", 0, "a/b"},
	    {"/../../a", 1, "../a"},
	    {"a/b/../../../../c", 1, "../c"},
	    {"x/..", 1, "."},
	    {"...", 0, "..."},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buf[PATH_MAX + 1];

		strcpy(buf, cases[i].target);
		ssize_t n = fuse_link_rewrite(buf, sizeof(buf), cases[i].depth);
		ck_assert_str_eq(buf, cases[i].want);
		ck_assert_int_eq(n, (ssize_t)strlen(cases[i].want));
	}
	char big[PATH_MAX + 1];
	memset(big, 'a', sizeof(big));
	big[0] = '/';
	big[PATH_MAX - 1] = '\0';
	ck_assert_int_eq(fuse_link_rewrite(big, sizeof(big), 2000), -ENAMETOOLONG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fsdev");
	TCase *t = tcase_create("fsdev");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, init_is_amended);
	tcase_add_test(t, guest_kernel_is_known);
	tcase_add_test(t, nothing_before_init);
	tcase_add_test(t, pages_stay);
	tcase_add_test(t, read_and_write);
	tcase_add_test(t, write_lies_about_size);
	tcase_add_test(t, malformed);
	tcase_add_test(t, unknown_operations);
	tcase_add_test(t, stale_nodes);
	tcase_add_test(t, data_outside);
	tcase_add_test(t, no_room_for_reply);
	tcase_add_test(t, hold_and_resume);
	tcase_add_test(t, tmpfile_gets_a_name);
	tcase_add_loop_test(t, random_requests, 0, 4);
	tcase_add_test(t, links_stay_inside);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
