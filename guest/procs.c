/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/procs.h"
#include "core/chanproto.h"
#include "guest/sockets.h"
#include "guest/str.h"
#include "guest/watch.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PF_KTHREAD = 0x00200000, /* linux/sched.h, in field 9 of /proc/PID/stat */
	PF_EXITING = 0x00000004,
	COMM_MAX = 64,
	OWNERS_LINKS = 65536, /* descriptors that a search for owners looks at */
	OWNERS_MS = 1500,
};

/* Numbers of /proc/PID/stat by their place (proc(5)), from field 4 on. */
enum {
	F_PPID = 4,
	F_FLAGS = 9,
	F_UTIME = 14,
	F_STIME = 15,
	F_THREADS = 20,
	F_START = 22,
	F_RSS = 24,
	F_END
};

struct proc {
	char state;
	char comm[COMM_MAX];
	size_t comm_len;
	uint64_t field[F_END];
};

static void proc_path(char *out, size_t size, const char *pid, const char *file)
{
	str_join(out, size, "/proc/", pid, file, NULL);
}

/* Reads /proc/PID/stat: pid (comm) state numbers... ; comm may hold blanks and parentheses. */
static bool read_stat(const char *pid, struct proc *p)
{
	char path[40], text[1024];
	const char *open, *close, *s;

	proc_path(path, sizeof(path), pid, "/stat");
	if (file_slurp(path, text, sizeof(text)) <= 0)
		return false;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open || close[1] != ' ' || !close[2])
		return false;
	p->comm_len = (size_t)(close - open - 1);
	if (p->comm_len > COMM_MAX)
		p->comm_len = COMM_MAX;
	memcpy(p->comm, open + 1, p->comm_len);
	p->state = close[2];
	s = close + 3;
	for (int i = F_PPID; i < F_END; i++) {
		s += *s == ' ';
		s += *s == '-';
		if (!str_parse(&s, UINT64_MAX, &p->field[i]))
			return false;
	}
	return true;
}

static uint32_t owner(const char *pid)
{
	char path[40], text[1024];
	const char *s;
	uint64_t uid;

	proc_path(path, sizeof(path), pid, "/status");
	if (file_slurp(path, text, sizeof(text)) <= 0 || !(s = strstr(text, "\nUid:\t")))
		return UINT32_MAX;
	s += 6;
	return str_parse(&s, UINT32_MAX, &uid) ? (uint32_t)uid : UINT32_MAX;
}

/* The next process that is no kernel thread, not init and not this child. */
static const char *next_proc(DIR *dir, struct proc *p)
{
	char self[21], parent[21];
	struct dirent *e;

	str_number(self, (uint64_t)getpid());
	str_number(parent, (uint64_t)getppid());
	while ((e = readdir(dir)) != NULL)
		if (*e->d_name >= '1' && *e->d_name <= '9' && strcmp(e->d_name, self) != 0 &&
		    strcmp(e->d_name, parent) != 0 && read_stat(e->d_name, p) &&
		    !(p->field[F_FLAGS] & PF_KTHREAD))
			return e->d_name;
	return NULL;
}

static bool put(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t r = write(fd, at, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return false;
		at += r;
		n -= (size_t)r;
	}
	return true;
}

int procs_count(int fd)
{
	DIR *dir = opendir("/proc");
	unsigned char answer[5] = {0};
	uint32_t n = 0;
	struct proc p;

	if (!dir)
		return errno;
	while (next_proc(dir, &p))
		n += p.state != 'Z' && p.state != 'X';
	closedir(dir);
	chan_put32(answer, n);
	return put(fd, answer, sizeof(answer)) ? 0 : EPIPE;
}

static size_t make_record(unsigned char *r, const char *pid, const struct proc *p)
{
	uint64_t tick = (uint64_t)sysconf(_SC_CLK_TCK), page = (uint64_t)sysconf(_SC_PAGESIZE),
		 id = 0;
	size_t n = CHAN_PS_FIXED + p->comm_len;
	char path[40];
	long cmd;

	memcpy(r + CHAN_PS_FIXED, p->comm, p->comm_len);
	proc_path(path, sizeof(path), pid, "/cmdline");
	cmd = file_slurp(path, (char *)r + n, CHAN_MAX_SHOWN + 1);
	n += cmd > 0 ? (size_t)cmd : 0;
	str_parse(&pid, UINT32_MAX, &id);
	chan_put16(r, (uint16_t)n);
	r[2] = (unsigned char)p->state;
	r[3] = (unsigned char)p->comm_len;
	chan_put32(r + 4, (uint32_t)id);
	chan_put32(r + 8, (uint32_t)p->field[F_PPID]);
	chan_put32(r + 16, (uint32_t)p->field[F_THREADS]);
	chan_put64(r + 20, p->field[F_RSS] * page / 1024);
	chan_put64(r + 28, (p->field[F_UTIME] + p->field[F_STIME]) * 1000 / tick);
	chan_put64(r + 36, p->field[F_START] * 1000 / tick);
	return n;
}

int procs_list(int fd)
{
	DIR *dir = opendir("/proc");
	unsigned char record[CHAN_PS_FIXED + COMM_MAX + CHAN_MAX_SHOWN + 1], cut = 0;
	size_t sum = 0;
	const char *pid;
	struct proc p;

	if (!dir)
		return errno;
	while (!cut && (pid = next_proc(dir, &p)) != NULL) {
		size_t n;

		chan_put32(record + 12, owner(pid));
		n = make_record(record, pid, &p);
		cut = sum + n > PROCS_MAX_BYTES;
		if (!cut && !put(fd, record, n))
			return EPIPE;
		sum += n;
	}
	closedir(dir);
	return put(fd, &cut, 1) ? 0 : EPIPE;
}

/* Owners of sockets. */

struct search {
	struct sockets s;
	unsigned char cut;
	unsigned links; /* looked at, of all processes */
	int64_t end;
	int fd;
};

/* What a descriptor leads to, when it is a wanted socket: its place, else -1. */
static int leads_to(const struct search *f, const char *dir, const char *name)
{
	static const char head[] = "socket:[";
	char path[80], to[64];
	const char *s = to + sizeof(head) - 1;
	uint64_t inode;
	ssize_t n;

	str_join(path, sizeof(path), dir, "/", name, NULL);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < (ssize_t)sizeof(head) || strncmp(to, head, sizeof(head) - 1) != 0)
		return -1;
	to[n] = '\0';
	return str_parse(&s, UINT64_MAX, &inode) ? sockets_by_inode(&f->s, inode) : -1;
}

static bool put_owner(struct search *f, int place, const char *pid, const struct proc *p)
{
	unsigned char record[4 + CHAN_PS_FIXED + COMM_MAX + CHAN_MAX_SHOWN + 1];

	chan_put32(record, (uint32_t)place);
	chan_put32(record + 4 + 12, owner(pid));
	f->s.v[place].found = true;
	return put(f->fd, record, 4 + make_record(record + 4, pid, p));
}

static bool look_at(struct search *f, const char *pid, const struct proc *p)
{
	char path[40];
	struct dirent *e;
	bool ok = true;
	DIR *dir;

	proc_path(path, sizeof(path), pid, "/fd");
	dir = opendir(path);
	while (dir && ok && !f->cut && (e = readdir(dir)) != NULL) {
		int place = *e->d_name == '.' ? -1 : leads_to(f, path, e->d_name);

		f->cut = ++f->links >= OWNERS_LINKS || now_ms() > f->end;
		if (place >= 0 && !f->s.v[place].found)
			ok = put_owner(f, place, pid, p);
	}
	if (dir)
		closedir(dir);
	return ok;
}

int procs_owners(int fd, const unsigned char *sockets, size_t n)
{
	struct search f = {.fd = fd, .end = now_ms() + OWNERS_MS};
	DIR *dir = opendir("/proc");
	const char *pid;
	struct proc p;
	bool ok = true;

	if (!dir)
		return errno;
	sockets_find(&f.s, sockets, n, f.end);
	while (ok && !f.cut && sockets_missing(&f.s) && (pid = next_proc(dir, &p)) != NULL)
		ok = look_at(&f, pid, &p);
	closedir(dir);
	return ok && put(fd, &f.cut, 1) ? 0 : EPIPE;
}
