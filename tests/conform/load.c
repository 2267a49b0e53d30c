/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/conform/load.h"
#include "tests/conform/conform.h"
#include <sys/xattr.h>

enum { SIZE_MAX_R = 30000, RECORD = 64 };

struct worker {
	int id, log, dir;
	uint64_t x;
	unsigned gen[LOAD_SLOTS];
};

static unsigned rnd(struct worker *w, unsigned n)
{
	w->x = w->x * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(w->x >> 33) % n;
}

/* The file system went away: the worker's work is done. All else is a wrong answer. */
static void over(const char *what)
{
	if (errno == ENOTCONN || errno == ECONNABORTED || errno == ENODEV)
		_exit(0);
	dprintf(1, "# load: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void note(struct worker *w, char what, unsigned slot, unsigned n)
{
	if (dprintf(w->log, "%c %u %u\n", what, slot, n) < 0)
		_exit(1);
}

static size_t size_of(unsigned gen)
{
	return (gen * 7919u) % SIZE_MAX_R;
}

/* A write may come back short, when the other side dies in the middle: the next one tells. */
static void write_all(int fd, const char *p, size_t n)
{
	for (ssize_t put; n; p += put, n -= (size_t)put) {
		put = write(fd, p, n);
		if (put <= 0)
			over("write");
	}
}

static void replace(struct worker *w, unsigned slot)
{
	static char bytes[SIZE_MAX_R];
	unsigned gen = w->gen[slot] + 1;
	size_t n = size_of(gen);
	char name[16];

	snprintf(name, sizeof(name), "r%u", slot);
	int fd = openat(w->dir, "new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	fill(bytes, n, gen);
	if (fd < 0)
		over("create");
	if (dprintf(fd, "%10u\n", gen) < 0)
		over("write");
	write_all(fd, bytes, n);
	if (fsync(fd) || fchmod(fd, 0640) || close(fd))
		over("fsync");
	if (renameat(w->dir, "new", w->dir, name))
		over("rename");
	if (fsync(w->dir))
		over("fsync of a directory");
	w->gen[slot] = gen;
	note(w, 'r', slot, gen);
}

static void take_away(struct worker *w, unsigned slot)
{
	char name[16];

	snprintf(name, sizeof(name), "r%u", slot);
	if (faccessat(w->dir, name, F_OK, 0)) {
		if (errno != ENOENT)
			over("access");
		return;
	}
	note(w, 'i', slot, w->gen[slot]);
	if (unlinkat(w->dir, name, 0))
		over("unlink");
	if (fsync(w->dir))
		over("fsync of a directory");
	note(w, 'u', slot, w->gen[slot]);
}

static void append(struct worker *w, unsigned slot)
{
	char name[16], record[RECORD + 1];
	int fd;
	off_t at;

	snprintf(name, sizeof(name), "a%u", slot);
	fd = openat(w->dir, name, O_WRONLY | O_CREAT | O_APPEND, 0644);
	at = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (at < 0)
		over("open of a log");
	at -= at % RECORD; /* the half of a record that a kill has left */
	snprintf(record, sizeof(record), "%0*lld\n", RECORD - 1, (long long)at / RECORD);
	if (ftruncate(fd, at))
		over("truncate");
	write_all(fd, record, RECORD);
	if (fdatasync(fd) || close(fd))
		over("append");
	note(w, 'a', slot, (unsigned)(at / RECORD + 1));
}

/* Changes of the kit that may be impossible just now; impossible is all that they may be. */
static void shuffle(struct worker *w)
{
	static const char *const names[] = {"f", "g",  "d",	"d2", "e",   "l",   "h1",   "h2",
					    "p", "su", "d/sub", "n",  "n/m", "d/n", "d2/d", "e/e"};
	enum { N = sizeof(names) / sizeof(names[0]) };
	char a[32], b[32];
	int r = 0;

	snprintf(a, sizeof(a), "kit/%s", names[rnd(w, N)]);
	snprintf(b, sizeof(b), "kit/%s", names[rnd(w, N)]);
	switch (rnd(w, 9)) {
	case 0:
		r = renameat2(w->dir, a, w->dir, b, 0);
		break;
	case 1:
		r = renameat2(w->dir, a, w->dir, b, RENAME_EXCHANGE);
		break;
	case 2:
		r = linkat(w->dir, a, w->dir, b, 0);
		break;
	case 3:
		r = unlinkat(w->dir, a, 0);
		break;
	case 4:
		r = unlinkat(w->dir, a, AT_REMOVEDIR);
		break;
	case 5:
		r = mkdirat(w->dir, a, 0755);
		break;
	case 6:
		r = fchmodat(w->dir, a, 0600 | rnd(w, 0100), 0);
		break;
	case 7:
		r = symlinkat("f", w->dir, a);
		break;
	default:
		r = openat(w->dir, a, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOFOLLOW,
			   0644);
		if (r >= 0 && write(r, "some more\n", 10) < 0 && errno != EPIPE)
			over("write to the kit");
		if (r >= 0)
			close(r);
	}
	if (r < 0 && errno != ENOENT && errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR &&
	    errno != EISDIR && errno != EINVAL && errno != ELOOP && errno != EPERM &&
	    errno != ENXIO)
		over("the kit");
}

static void log_name(char *out, const char *log, int id)
{
	snprintf(out, PATH_MAX, "%.4000s.%d", log, id);
}

/* The newest generation of each slot, and how many records. */
struct promise {
	unsigned gen[LOAD_SLOTS], records[LOAD_SLOTS];
	char last[LOAD_SLOTS]; /* r: it stands; i: it may be gone; u or 0: it is gone */
};

static void promises(const char *log, int id, struct promise *p)
{
	char path[PATH_MAX], what;
	unsigned slot, n;
	FILE *f;

	memset(p, 0, sizeof(*p));
	log_name(path, log, id);
	f = fopen(path, "r");
	while (f && fscanf(f, " %c %u %u", &what, &slot, &n) == 3 && slot < LOAD_SLOTS) {
		if (what == 'a') {
			p->records[slot] = n;
			continue;
		}
		p->gen[slot] = n;
		p->last[slot] = what;
	}
	if (f)
		fclose(f);
}

/* 0: none; else the generation that stands in slot, whose bytes are the right ones. id -1: dir is
 * the worker's own. */
static unsigned generation(int dir, int id, unsigned slot)
{
	static char want[SIZE_MAX_R], got[SIZE_MAX_R + 32];
	char name[32];
	unsigned gen = 0;
	int fd;
	ssize_t n;

	snprintf(name, sizeof(name), "w%d/r%u", id, slot);
	fd = openat(dir, id < 0 ? strchr(name, '/') + 1 : name, O_RDONLY);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && id < 0)
		over("open of a slot");
	n = OK(read(fd, got, sizeof(got)));
	OK(close(fd));
	EQ(sscanf(got, "%10u", &gen), 1);
	EQ(n, size_of(gen) + 11);
	fill(want, size_of(gen), gen);
	EQ(memcmp(got + 11, want, size_of(gen)), 0);
	return gen;
}

static void records_hold(int dir, int id, unsigned slot, unsigned count_)
{
	char name[32], want[RECORD + 1], got[RECORD];
	int fd;

	snprintf(name, sizeof(name), "w%d/a%u", id, slot);
	fd = openat(dir, name, O_RDONLY);
	if (!count_ && fd < 0)
		return;
	OK(fd);
	for (unsigned i = 0; i < count_; i++) {
		snprintf(want, sizeof(want), "%0*u\n", RECORD - 1, i);
		EQ(read(fd, got, RECORD), RECORD);
		EQ(memcmp(want, got, RECORD), 0);
	}
	OK(close(fd));
}

/* A legal tree: names are unique, all have attributes and can be read, and links are counted. */
struct seen {
	ino_t ino;
	nlink_t nlink, names;
};

struct tree {
	struct seen s[20000];
	size_t n;
};

static void see(struct tree *t, const struct stat *st)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->s[i].ino != st->st_ino)
			continue;
		EQ(t->s[i].nlink, st->st_nlink);
		TRUE(!S_ISDIR(st->st_mode));
		t->s[i].names++;
		return;
	}
	TRUE(t->n < sizeof(t->s) / sizeof(t->s[0]));
	t->s[t->n++] = (struct seen){st->st_ino, st->st_nlink, S_ISDIR(st->st_mode) ? 0 : 1};
}

static void walk(struct tree *t, int at, const char *name)
{
	int fd = (int)OK(openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
	static char buf[1 << 16];
	nlink_t subdirs = 0;
	struct dirent *de;
	DIR *d = fdopendir(dup(fd));

	TRUE(d != NULL);
	while ((de = readdir(d))) {
		struct stat st;
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		conform_ok(fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW), de->d_name, __FILE__,
			   __LINE__);
		EQ(de->d_ino, st.st_ino);
		EQ(de->d_type, IFTODT(st.st_mode));
		TRUE(strncmp(de->d_name, "t.", 2) != 0);
		see(t, &st);
		if (S_ISDIR(st.st_mode)) {
			subdirs++;
			walk(t, fd, de->d_name);
		} else if (S_ISREG(st.st_mode)) {
			int f = (int)conform_ok(openat(fd, de->d_name, O_RDONLY | O_NOFOLLOW),
						de->d_name, __FILE__, __LINE__);
			ssize_t n, all = 0;
			while ((n = OK(read(f, buf, sizeof(buf)))) > 0)
				all += n;
			EQ(all, st.st_size);
			OK(close(f));
		} else if (S_ISLNK(st.st_mode)) {
			EQ(readlinkat(fd, de->d_name, buf, sizeof(buf)), st.st_size);
		}
	}
	EQ(st_fd(fd).st_nlink, 2 + subdirs);
	closedir(d);
	close(fd);
}

static void is_legal(const char *dir)
{
	static struct tree t;

	walk(&t, AT_FDCWD, dir);
	for (size_t i = 0; i < t.n; i++)
		if (t.s[i].names) /* a directory's links were counted on the way */
			EQ(t.s[i].names, t.s[i].nlink);
}

int load_verify(const char *dir, const char *log)
{
	int at = (int)OK(open(dir, O_RDONLY | O_DIRECTORY));

	for (int id = 0; id < LOAD_WORKERS; id++) {
		struct promise p;

		promises(log, id, &p);
		for (unsigned k = 0; k < LOAD_SLOTS; k++) {
			unsigned is = generation(at, id, k);
			/* What came behind the last note may be done or not: one step. */
			if (!is)
				TRUE(p.last[k] != 'r');
			else
				TRUE(is == p.gen[k] + 1 || (is == p.gen[k] && p.last[k] != 'u'));
			records_hold(at, id, k, p.records[k]);
		}
	}
	is_legal(dir);
	return 0;
}

static void work(const char *dir, const char *log, int id, unsigned seed)
{
	struct worker w = {.id = id, .x = seed * 1000003u + (unsigned)id};
	char path[PATH_MAX];
	struct promise p;

	promises(log, id, &p);
	log_name(path, log, id);
	w.log = (int)OK(open(path, O_WRONLY | O_CREAT | O_APPEND, 0644));
	snprintf(path, sizeof(path), "%.4000s/w%d", dir, id);
	if (mkdir(path, 0755) && errno != EEXIST)
		over("mkdir");
	w.dir = open(path, O_RDONLY | O_DIRECTORY);
	if (w.dir < 0)
		over("open");
	for (unsigned k = 0; k < LOAD_SLOTS; k++) {
		unsigned is = generation(w.dir, -1, k);
		w.gen[k] = is > p.gen[k] ? is : p.gen[k];
		if (is != p.gen[k] || p.last[k] == 'i')
			note(&w, is ? 'r' : 'u', k, w.gen[k]);
	}
	for (;;) {
		unsigned what = rnd(&w, 10), slot = rnd(&w, LOAD_SLOTS);
		if (what < 2)
			replace(&w, slot);
		else if (what < 3)
			take_away(&w, slot);
		else if (what < 5)
			append(&w, slot);
		else
			shuffle(&w);
	}
}

int load_run(const char *dir, const char *log, unsigned seed)
{
	int status, bad = 0;

	for (int id = 0; id < LOAD_WORKERS; id++) {
		pid_t pid = (pid_t)OK(fork());
		if (!pid)
			work(dir, log, id, seed);
	}
	while (wait(&status) > 0)
		bad |= status != 0;
	return bad;
}
