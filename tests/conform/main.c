/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conform: runs the cases.
 *
 *   conform [--uid N] --prepare DIR     the kit of each case into DIR/NOUN-WHAT
 *   conform [--uid N] [--long] [--only PART] DIR
 *                                       all cases; on kits in DIR/lower that were prepared, and on
 *                                       kits of its own, in DIR/fresh
 *   conform --read-only DIR             the cases for a read-only mount, in the one kit DIR
 *   conform --list
 *   conform --load DIR LOG SEED | --verify DIR LOG | --fill DIR      (load.h)
 *
 * A line for each failure, then "N passed, N failed, N skipped". --uid: becomes that user first;
 * DIR is given to it.
 */
#include "tests/conform/conform.h"
#include "tests/conform/load.h"
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

enum { SKIPPED = 77, LIMIT = 120 /* seconds that a case may take */ };

static const struct conform_case *const lists[] = {
    cases_create, cases_dir,  cases_special, cases_link, cases_rename, cases_renamedir,
    cases_data,	  cases_map,  cases_meta,    cases_time, cases_perm,   cases_acl,
    cases_xattr,  cases_lock, cases_readdir, cases_name, cases_ino,    cases_overlay};

struct run {
	const char *top, *only;
	bool lower; /* the present cases' kits were prepared */
	bool read_only, long_too, loud;
	int passed, failed, skipped;
};

const char *conform_self;

long conform_ok(long got, const char *what, const char *file, int line)
{
	if (got >= 0)
		return got;
	dprintf(1, "# %s:%d: %s: %s\n", file, line, what, strerror(errno));
	_exit(1);
}

void conform_err(long got, int want, const char *what, const char *file, int line)
{
	int is = got < 0 ? errno : 0;

	if (is == want)
		return;
	dprintf(1, "# %s:%d: %s: %s, not %s\n", file, line, what, strerrorname_np(is),
		strerrorname_np(want));
	_exit(1);
}

void conform_eq(long long got, long long want, const char *what, const char *file, int line)
{
	if (got == want)
		return;
	dprintf(1, "# %s:%d: %s: %lld, not %lld\n", file, line, what, got, want);
	_exit(1);
}

_Noreturn void conform_skip(const char *why)
{
	dprintf(1, "# skipped: %s\n", why);
	_exit(SKIPPED);
}

_Noreturn void done(void)
{
	_exit(0);
}

/* In the child true; in the parent false, once the child has ended with 0 (or skipped). */
bool apart(void)
{
	int status;
	pid_t pid = (pid_t)OK(fork());

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return true;
	}
	OK(waitpid(pid, &status, 0));
	if (WIFSIGNALED(status))
		dprintf(1, "# a child died of signal %d\n", WTERMSIG(status));
	if (status)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	return false;
}

static void become(uid_t uid, gid_t gid, gid_t group)
{
	OK(setgroups(group == (gid_t)-1 ? 0 : 1, &group));
	OK(setresgid(gid, gid, gid));
	OK(setresuid(uid, uid, uid));
	/* Not dumpable, a process could not look into its own /proc/self. */
	prctl(PR_SET_DUMPABLE, 1);
}

bool as(uid_t uid, gid_t gid, gid_t group)
{
	if (!apart())
		return false;
	become(uid, gid, group);
	return true;
}

/* Running */

static void dir_name(char *out, size_t n, const char *name)
{
	snprintf(out, n, "%s", name);
	for (char *p = out; *p; p++)
		if (*p == '/')
			*p = '-';
}

static void run_child(const struct run *r, const struct conform_case *c)
{
	char dir[256];

	setpgid(0, 0);
	dir_name(dir, sizeof(dir), c->name);
	OK(chdir(r->top));
	if (!r->read_only) {
		OK(chdir(r->lower ? "lower" : "fresh"));
		if (!r->lower)
			OK(mkdir(dir, 0755));
		OK(chdir(dir));
		if (!r->lower && !(c->needs & ONCE))
			OK(kit_make());
	}
	umask(022);
	c->fn();
	_exit(0);
}

/* The exit status of the case's process, -1 when it had to be ended. */
static int wait_for(pid_t pid, const char **why)
{
	struct timespec limit = {LIMIT, 0};
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (!waitpid(pid, &status, WNOHANG)) {
		if (sigtimedwait(&set, NULL, &limit) < 0 && errno == EAGAIN) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			*why = "took too long";
			return -1;
		}
	}
	kill(-pid, SIGKILL); /* what it may have left behind */
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	*why = strsignal(WTERMSIG(status));
	return -1;
}

static bool applies(const struct run *r, const struct conform_case *c)
{
	bool is_root = !geteuid();

	if (r->only && !strstr(c->name, r->only))
		return false;
	if ((c->needs & ROOT && !is_root) || (c->needs & USER && is_root))
		return false;
	if (r->read_only != !!(c->needs & RDONLY) || (c->needs & LONG && !r->long_too))
		return false;
	return !(r->lower && c->needs & ONCE);
}

static void run_case(struct run *r, const struct conform_case *c)
{
	const char *why = "";
	pid_t pid;

	if (!applies(r, c))
		return;
	if (r->loud)
		dprintf(1, "  %s\n", c->name);
	pid = fork();
	if (!pid)
		run_child(r, c);
	int status = wait_for(pid, &why);
	if (status == 0) {
		r->passed++;
	} else if (status == SKIPPED) {
		r->skipped++;
	} else {
		r->failed++;
		printf("not ok %s (%s)%s%s\n", c->name,
		       r->read_only ? "read-only"
		       : r->lower   ? "lower"
				    : "fresh",
		       *why ? ": " : "", why);
		fflush(stdout);
	}
}

static void run_all(struct run *r)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const struct conform_case *c = lists[i]; c->name; c++)
			run_case(r, c);
}

static int prepare(const char *top)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (const struct conform_case *c = lists[i]; c->name; c++) {
			char dir[256];

			if (c->needs & (ONCE | RDONLY))
				continue;
			dir_name(dir, sizeof(dir), c->name);
			OK(chdir(top));
			OK(mkdir(dir, 0755));
			OK(chdir(dir));
			OK(kit_make());
		}
	}
	return 0;
}

static int list(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const struct conform_case *c = lists[i]; c->name; c++)
			puts(c->name);
	return 0;
}

/* What probe() asks: facts about a process that was started from the file system under test. */
static int answer_probe(const char *what)
{
	if (!strcmp(what, "euid"))
		return geteuid() == 0 ? 42 : 43;
	if (!strcmp(what, "egid"))
		return getegid() == 0 ? 42 : 43;
	if (!strcmp(what, "chroot")) /* CAP_SYS_CHROOT */
		return chroot("/") ? 43 : 42;
	if (!strcmp(what, "wait")) {
		char c;
		return write(1, "r", 1) != 1 || read(0, &c, 1) < 0;
	}
	return 1;
}

static int usage(void)
{
	fputs("usage: conform [--uid N] [--long] [--only PART] [--verbose] DIR\n"
	      "       conform [--uid N] --prepare DIR\n"
	      "       conform --read-only DIR | --list\n"
	      "       conform --load DIR LOG SEED | --verify DIR LOG | --fill DIR\n",
	      stderr);
	return 2;
}

static int run_top(struct run *r)
{
	char path[PATH_MAX];
	const char *top = r->top;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (!r->read_only) {
		snprintf(path, sizeof(path), "%.4000s/fresh", top);
		OK(mkdir(path, 0755));
	}
	run_all(r);
	snprintf(path, sizeof(path), "%.4000s/lower", top);
	r->lower = !r->read_only && there(path);
	if (r->lower)
		run_all(r);
	printf("%d passed, %d failed, %d skipped\n", r->passed, r->failed, r->skipped);
	return r->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"uid", required_argument, NULL, 'u'}, {"prepare", no_argument, NULL, 'p'},
	    {"long", no_argument, NULL, 'L'},	   {"only", required_argument, NULL, 'o'},
	    {"read-only", no_argument, NULL, 'r'}, {"list", no_argument, NULL, 'l'},
	    {"verbose", no_argument, NULL, 'v'},   {0}};
	struct run r = {0};
	static char top[PATH_MAX];
	bool preparing = false;
	uid_t uid = 0;
	int o;

	if (argc == 3 && !strcmp(argv[1], "--probe"))
		return answer_probe(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "--load"))
		return load_run(argv[2], argv[3], (unsigned)atoi(argv[4]));
	if (argc == 4 && !strcmp(argv[1], "--verify"))
		return load_verify(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "--fill"))
		return fill_run(argv[2]);
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'u')
			uid = (uid_t)strtoul(optarg, NULL, 10);
		else if (o == 'p')
			preparing = true;
		else if (o == 'L')
			r.long_too = true;
		else if (o == 'o')
			r.only = optarg;
		else if (o == 'r')
			r.read_only = true;
		else if (o == 'v')
			r.loud = true;
		else
			return o == 'l' ? list() : usage();
	}
	if (argc - optind != 1)
		return usage();
	OK(realpath(argv[optind], top) ? 0 : -1);
	r.top = top;
	conform_self = "/proc/self/exe";
	if (uid) {
		OK(chown(r.top, uid, uid));
		become(uid, uid, (gid_t)-1);
	}
	return preparing ? prepare(r.top) : run_top(&r);
}
