/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/auditfacts.h"
#include "core/hostproc.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *open_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

/* Appends to a list, which says so when it is full. */
static void add(char *list, size_t size, const char *what)
{
	size_t n = strlen(list);

	if (n + strlen(what) + 6 < size)
		snprintf(list + n, size - n, "%s%s", n ? ", " : "", what);
	else if (n < 4 || strcmp(list + n - 3, "..."))
		snprintf(list + (n + 4 < size ? n : size - 4), 4, "...");
}

static void read_status(pid_t pid, bool kernel, struct audit_facts *f)
{
	FILE *in = open_of(pid, "status");
	unsigned long long caps;
	char line[256];
	unsigned n;

	while (in && fgets(line, sizeof(line), in)) {
		if (kernel && sscanf(line, "Uid: %u", &n) == 1)
			f->uid = n;
		else if (sscanf(line, "Cap%*[A-Za-z]: %llx", &caps) == 1)
			f->caps |= caps;
		else if (sscanf(line, "NoNewPrivs: %u", &n) == 1)
			f->new_privs |= !n;
		else if (sscanf(line, "Seccomp: %u", &n) == 1)
			f->unfiltered += n != 2; /* SECCOMP_MODE_FILTER */
	}
	if (in)
		fclose(in);
}

static void read_namespaces(pid_t pid, struct audit_facts *f)
{
	static const char *const names[] = {"user", "mnt", "pid", "ipc", "uts", "net", "cgroup"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[64], own[64], a[64], b[64];

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, names[i]);
		snprintf(own, sizeof(own), "/proc/self/ns/%s", names[i]);
		ssize_t n = readlink(path, a, sizeof(a)), m = readlink(own, b, sizeof(b));
		if (n < 0)
			f->unseen = true;
		else if (n == m && !memcmp(a, b, (size_t)n))
			add(f->shared, sizeof(f->shared), names[i]);
	}
}

/* core/guest.c: the kernel, the last step's program, the sockets of its devices, a tmpfs. */
static bool is_expected_mount(const char *at)
{
	static const char *const all[] = {"/", "/k", "/w", "/f", "/c", "/n", "/tmp"};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(at, all[i]))
			return true;
	return false;
}

static void read_mounts(pid_t pid, struct audit_facts *f)
{
	FILE *in = open_of(pid, "mountinfo");
	char *line = NULL, at[PATH_MAX];
	size_t cap = 0;

	while (in && getline(&line, &cap, in) > 0)
		if (sscanf(line, "%*s %*s %*s %*s %4095s", at) == 1 && !is_expected_mount(at))
			add(f->mounts, sizeof(f->mounts), at);
	free(line);
	if (in)
		fclose(in);
}

static void read_files(pid_t pid, struct audit_facts *f)
{
	char path[64], link[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	if (!d)
		f->unseen = true;
	for (struct dirent *e; d && (e = readdir(d));) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		/* Sockets, eventfds and the like have no path. */
		if (link[0] == '/' && strncmp(link, "/tmp/", 5) && strcmp(link, "/k"))
			add(f->files, sizeof(f->files), link);
	}
	if (d)
		closedir(d);
}

static void read_limits(pid_t pid, struct audit_facts *f)
{
	static const char *const names[] = {"Max core file size", "Max data size", "Max processes",
					    "Max open files"};
	FILE *in = open_of(pid, "limits");
	char line[256];

	while (in && fgets(line, sizeof(line), in))
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (!strncmp(line, names[i], strlen(names[i])) && strstr(line, "unlimited"))
				add(f->unlimited, sizeof(f->unlimited), names[i]);
	if (in)
		fclose(in);
}

static bool is_bwrap(pid_t pid)
{
	FILE *in = open_of(pid, "comm");
	char name[32] = "";
	bool yes = in && fgets(name, sizeof(name), in) && !strcmp(name, "bwrap\n");

	if (in)
		fclose(in);
	return yes;
}

int audit_facts(pid_t guest, struct audit_facts *f)
{
	struct hostproc *v;
	size_t n = hostproc_tree(guest, &v);
	pid_t kernel = 0;

	*f = (struct audit_facts){0};
	for (size_t i = 0; i < n; i++) {
		if (!kernel && is_bwrap(v[i].pid))
			continue;
		read_status(v[i].pid, !kernel, f);
		kernel = kernel ? kernel : v[i].pid;
		f->processes++;
		read_files(v[i].pid, f);
	}
	free(v);
	if (!kernel)
		return -ESRCH;
	read_namespaces(kernel, f);
	read_mounts(kernel, f);
	read_limits(kernel, f);
	f->uid_ours = !f->uid || (f->uid == geteuid() && strstr(f->shared, "user"));
	return 0;
}
