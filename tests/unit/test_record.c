/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record's bytes are a format on disk: they are spelled out here once more. */
#include "core/layer/record.h"
#include "tests/unit/layertest.h"
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static const struct record full = {
    .mode = S_IFCHR | 06751,
    .uid = 0x01020304,
    .gid = 0x05060708,
    .rdev = 0,
    .origin_dev = 0x11,
    .origin_ino = 0x1122334455667788,
    .lower_size = 0x0102030405060708,
    .lower_mtime = -2,
    .lower_ctime = 3,
};

START_TEST(bytes)
{
	static const uint8_t want[RECORD_SIZE] = {
	    1,	  2,	0xe9, 0x0d, 0,	  0,	0,    0, 4, 3, 2,    1,	   8,	 7,
	    6,	  5,	0x34, 0xf2, 0x5f, 0x01, 0x11, 0, 0, 0, 0x88, 0x77, 0x66, 0x55,
	    0x44, 0x33, 0x22, 0x11, 8,	  7,	6,    5, 4, 3, 2,    1,	   0xfe, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3,    0, 0, 0, 0,    0,	   0,	 0};
	uint8_t raw[RECORD_SIZE];
	struct record r = full, back;

	r.rdev = makedev(0xff2, 0x01534);
	record_encode(&r, raw);
	ck_assert_int_eq(raw[16], 0x34);
	ck_assert_int_eq(raw[17], 0xf2);
	ck_assert_int_eq(raw[18], 0x5f);
	ck_assert_int_eq(raw[19], 0x01);
	ck_assert_mem_eq(raw, want, RECORD_SIZE);
	ck_assert_int_eq(record_decode(&back, raw, sizeof(raw)), 0);
	ck_assert_uint_eq(back.mode, r.mode);
	ck_assert_uint_eq(back.uid, r.uid);
	ck_assert_uint_eq(back.gid, r.gid);
	ck_assert_uint_eq(back.rdev, r.rdev);
	ck_assert_uint_eq(back.origin_dev, r.origin_dev);
	ck_assert_uint_eq(back.origin_ino, r.origin_ino);
	ck_assert_uint_eq(back.lower_size, r.lower_size);
	ck_assert_int_eq(back.lower_mtime, r.lower_mtime);
	ck_assert_int_eq(back.lower_ctime, r.lower_ctime);
}
END_TEST

static int decode_with(size_t at, uint8_t value)
{
	struct record r = {.mode = S_IFREG | 0644}, back;
	uint8_t raw[RECORD_SIZE];

	record_encode(&r, raw);
	raw[at] = value;
	return record_decode(&back, raw, sizeof(raw));
}

START_TEST(forged)
{
	struct record r;
	uint8_t raw[RECORD_SIZE + 1] = {1, 8};

	ck_assert_int_eq(record_decode(&r, raw, RECORD_SIZE), 0);
	ck_assert_int_eq(record_decode(&r, raw, RECORD_SIZE + 1), -EPROTO);
	ck_assert_int_eq(record_decode(&r, raw, RECORD_SIZE - 1), -EPROTO);
	ck_assert_int_eq(record_decode(&r, raw, 0), -EPROTO);
	ck_assert_int_eq(decode_with(0, 2), -EPROTO);	 /* version */
	ck_assert_int_eq(decode_with(1, 3), -EPROTO);	 /* type */
	ck_assert_int_eq(decode_with(1, 16), -EPROTO);	 /* type */
	ck_assert_int_eq(decode_with(3, 0x10), -EPROTO); /* mode beyond 07777 */
	ck_assert_int_eq(decode_with(4, 8), -EPROTO);	 /* unknown flag */
	ck_assert_int_eq(decode_with(7, 0x80), -EPROTO);
	ck_assert_int_eq(decode_with(4, RECORD_OPAQUE), -EPROTO); /* a file is not opaque */
	ck_assert_int_eq(decode_with(4, RECORD_META), 0);
	ck_assert_int_eq(decode_with(1, 0), -EPROTO); /* a whiteout has no mode */
}
END_TEST

START_TEST(defaults)
{
	struct record r;

	record_default(&r, S_IFREG | 0600);
	ck_assert_uint_eq(r.mode, S_IFREG | 0644);
	ck_assert(record_is_default(&r));
	r.uid = 1;
	ck_assert(!record_is_default(&r));
	record_default(&r, S_IFDIR | 0700);
	ck_assert_uint_eq(r.mode, S_IFDIR | 0755);
	ck_assert(record_is_default(&r));
	r.flags = RECORD_OPAQUE;
	ck_assert(!record_is_default(&r));
	r = (struct record){.whiteout = true};
	ck_assert(!record_is_default(&r));
}
END_TEST

START_TEST(on_disk)
{
	struct bench b;
	struct record r;
	struct stat st;
	uint8_t raw[RECORD_SIZE];
	char path[128];
	int dir, fd;

	lt_setup(&b);
	dir = open(b.upper, O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "f", O_CREAT | O_RDWR, 0600);
	ck_assert_int_eq(mkdirat(dir, "d", 0700), 0);
	ck_assert_int_eq(symlinkat("f", dir, "l"), 0);
	ck_assert_int_eq(record_read(fd, S_IFREG, &r), 0);
	ck_assert(record_is_default(&r));
	record_encode(&full, raw);
	ck_assert_int_eq(fsetxattr(fd, RECORD_XATTR, raw, sizeof(raw), 0), 0);
	ck_assert_int_eq(record_read_at(dir, "f", &st, &r), 0);
	ck_assert_uint_eq(r.uid, full.uid);
	ck_assert_int_eq(record_read_at(dir, "nothing", &st, &r), -ENOENT);
	/* a link in upper is none of ours, and is not followed */
	ck_assert_int_eq(record_read_at(dir, "l", &st, &r), -EPROTO);
	ck_assert_int_eq(record_read_at(dir, "../upper", &st, &r), -EINVAL);
	ck_assert_int_eq(record_read_at(dir, "..", &st, &r), -EINVAL);
	/* a directory that claims to be a device, a file that claims to be a directory */
	snprintf(path, sizeof(path), "%s/d", b.upper);
	ck_assert_int_eq(setxattr(path, RECORD_XATTR, raw, sizeof(raw), 0), 0);
	ck_assert_int_eq(record_read_at(dir, "d", &st, &r), -EPROTO);
	raw[1] = S_IFDIR >> 12;
	ck_assert_int_eq(fsetxattr(fd, RECORD_XATTR, raw, sizeof(raw), 0), 0);
	ck_assert_int_eq(record_read_at(dir, "f", &st, &r), -EPROTO);
	ck_assert_int_eq(fsetxattr(fd, RECORD_XATTR,
				   "long long long long long long long long long "
				   "long long long long long long long long",
				   80, 0),
			 0);
	ck_assert_int_eq(record_read(fd, S_IFREG, &r), -EPROTO);
	close(fd);
	close(dir);
	lt_done(&b);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {bytes, forged, defaults, on_disk};

	return lt_run("record", tests, sizeof(tests) / sizeof(*tests));
}
