/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layerdigest: one number for all that a tree is, of the plain and of the layer's side. */
#ifndef GAOL_TESTS_LAYERDIGEST_H
#define GAOL_TESTS_LAYERDIGEST_H

#include "tests/unit/layermodel.h"

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t hash_entry(const char *path, const struct stat *st, const char *data, ssize_t n)
{
	bool device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
	uint64_t v[6] = {st->st_mode,
			 st->st_uid,
			 st->st_gid,
			 st->st_nlink,
			 S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size,
			 device ? st->st_rdev : 0};
	uint64_t h = hash(UINT64_C(0xcbf29ce484222325), path, strlen(path) + 1);

	h = hash(h, v, sizeof(v));
	return n > 0 ? hash(h, data, (size_t)n) : h;
}

__attribute__((unused)) static uint64_t digest_plain(int d, const char *path)
{
	DIR *dir = fdopendir(openat(d, ".", O_RDONLY | O_DIRECTORY));
	char *data = malloc(DATA_MAX);
	uint64_t sum = 0;
	struct dirent *de;

	while ((de = readdir(dir))) {
		char sub[PATH_MAX];
		struct stat st;
		ssize_t n = 0;
		int fd = -1;
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%.2000s/%s", path, de->d_name);
		fstatat(d, de->d_name, &st, AT_SYMLINK_NOFOLLOW);
		if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
			fd = openat(d, de->d_name, O_RDONLY);
		if (S_ISREG(st.st_mode))
			n = pread(fd, data, DATA_MAX, 0);
		else if (S_ISLNK(st.st_mode))
			n = readlinkat(d, de->d_name, data, DATA_MAX);
		else if (S_ISDIR(st.st_mode))
			sum += digest_plain(fd, sub);
		sum += hash_entry(sub, &st, data, n);
		if (fd >= 0)
			close(fd);
	}
	free(data);
	closedir(dir);
	return sum;
}

static uint64_t digest_layer(struct model *m, uint64_t node, const char *path)
{
	struct listing *s = calloc(1, sizeof(*s));
	char *data = malloc(DATA_MAX);
	uint64_t sum = 0, h;

	ck_assert_int_eq(layer_opendir(m->l, node, &h), 0);
	ck_assert_int_eq(layer_readdir(m->l, h, 0, true, list_one, s), 0);
	layer_releasedir(m->l, h);
	for (size_t i = 0; i < s->n; i++) {
		char sub[PATH_MAX];
		const struct layer_entry *e = &s->e[i];
		struct iovec iov = {.iov_base = data, .iov_len = DATA_MAX};
		ssize_t n = 0;
		snprintf(sub, sizeof(sub), "%.2000s/%s", path, s->name[i]);
		if (S_ISREG(e->st.st_mode)) {
			ck_assert_int_eq(layer_open_file(m->l, e->node, O_RDONLY, NULL, &h), 0);
			n = layer_readv(m->l, h, &iov, 1, 0);
			layer_release(m->l, h);
		} else if (S_ISLNK(e->st.st_mode)) {
			n = layer_readlink(m->l, e->node, data, DATA_MAX);
		} else if (S_ISDIR(e->st.st_mode)) {
			sum += digest_layer(m, e->node, sub);
		}
		ck_assert_int_ge(n, 0);
		sum += hash_entry(sub, &e->st, data, n);
		forget(m, e);
	}
	free(data);
	free(s);
	return sum;
}

static void work_is_clean(struct model *m)
{
	char path[96];
	struct dirent *de;
	DIR *d;

	snprintf(path, sizeof(path), "%s/work", m->top);
	d = opendir(path);
	while ((de = readdir(d)))
		if (de->d_name[0] != '.' && strcmp(de->d_name, "index") &&
		    strcmp(de->d_name, "devices") && strcmp(de->d_name, "whiteout"))
			ck_abort_msg("work/%s is left over", de->d_name);
	closedir(d);
}

#endif
