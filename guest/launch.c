/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/launch.h"
#include "core/chanproto.h"
#include "guest/spawn.h"
#include "guest/str.h"
#include "guest/user.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Takes the string at *p (before end) and moves *p behind its NUL; NULL when it has none. */
static const char *take_string(const unsigned char **p, const unsigned char *end)
{
	const char *s = (const char *)*p;
	const unsigned char *nul = *p < end ? memchr(*p, '\0', (size_t)(end - *p)) : NULL;

	if (!nul)
		return NULL;
	*p = nul + 1;
	return s;
}

static bool skip_strings(const unsigned char **p, const unsigned char *end, unsigned n)
{
	while (n--)
		if (!take_string(p, end))
			return false;
	return true;
}

bool launch_parse(struct launch *l, const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n;

	if (n < CHAN_LAUNCH_FIXED)
		return false;
	*l = (struct launch){
	    .flags = chan_get32(p),
	    .uid = chan_get32(p + 4),
	    .gid = chan_get32(p + 8),
	    .rows = chan_get16(p + 12),
	    .cols = chan_get16(p + 14),
	    .ngroups = chan_get16(p + 16),
	    .argc = chan_get16(p + 18),
	    .envc = chan_get16(p + 20),
	    .groups = p + CHAN_LAUNCH_FIXED,
	};
	p += CHAN_LAUNCH_FIXED;
	if (l->ngroups > CHAN_MAX_GROUPS || (size_t)(end - p) < 4u * l->ngroups)
		return false;
	p += 4u * l->ngroups;
	l->user = take_string(&p, end);
	l->cwd = take_string(&p, end);
	l->term = take_string(&p, end);
	l->argv = (const char *)p;
	if (!l->user || !l->cwd || !l->term || !skip_strings(&p, end, l->argc))
		return false;
	l->env = (const char *)p;
	return skip_strings(&p, end, l->envc) && p == end;
}

/* What follows runs in the child. */

static void __attribute__((noreturn)) fail(int err_fd, int err, const char *what, const char *name)
{
	struct launch_error e = {.err = err};

	str_join(e.what, sizeof(e.what), what, *name ? " " : "", name, NULL);
	if (write(err_fd, &e, sizeof(e)) != sizeof(e))
		_exit(126);
	_exit(err == ENOENT ? 127 : 126);
}

static void default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_descriptors(const struct launch_io *io, int err_fd)
{
	int fd[3];

	/* Above 2 first, so that none overwrites another. */
	for (int i = 0; i < 3; i++) {
		fd[i] = fcntl(io->fd[i], F_DUPFD_CLOEXEC, 3);
		if (fd[i] < 0)
			fail(err_fd, errno, "descriptors", "");
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fd[i], i) < 0)
			fail(err_fd, errno, "descriptors", "");
}

static void become(const struct launch *l, struct user *u, const struct launch_io *io, int err_fd)
{
	u->uid = l->uid;
	u->gid = l->gid;
	if (!user_find(u, l->user) && *l->user)
		fail(err_fd, ENOENT, "user", l->user);
	if (*l->user || l->gid == CHAN_LOOKUP) {
		user_find_groups(u);
	} else {
		u->ngroups = l->ngroups;
		for (unsigned i = 0; i < l->ngroups; i++)
			u->groups[i] = chan_get32(l->groups + 4 * (size_t)i);
	}
	/* The terminal belongs to who sits at it, as after login(1). */
	if (io->tty && fchown(0, u->uid, (gid_t)-1) < 0)
		(void)errno;
	if (getuid() != 0 && u->uid == getuid())
		return; /* a test's init without rights */
	if (setgroups(u->ngroups, u->groups) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 ||
	    setresuid(u->uid, u->uid, u->uid) < 0)
		fail(err_fd, errno, "credentials", "");
}

static void set_environment(const struct launch *l, const struct user *u)
{
	const char *s = l->env;

	clearenv();
	setenv("PATH",
	       u->uid == 0 ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
			   : "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
	       1);
	setenv("HOME", u->home, 1);
	setenv("SHELL", u->shell, 1);
	if (u->known) {
		setenv("USER", u->name, 1);
		setenv("LOGNAME", u->name, 1);
	}
	if (*l->term)
		setenv("TERM", l->term, 1);
	for (unsigned i = 0; i < l->envc; i++, s += strlen(s) + 1)
		if (*s != '=' && strchr(s, '='))
			putenv((char *)s);
}

static void __attribute__((noreturn)) run_shell(const struct user *u, int err_fd)
{
	const char *slash = strrchr(u->shell, '/');
	char name[260];
	char *argv[] = {name, NULL};

	str_join(name, sizeof(name), "-", slash ? slash + 1 : u->shell, NULL);
	execv(u->shell, argv);
	if (errno == ENOENT) {
		strcpy(name, "-sh");
		execv("/bin/sh", argv);
	}
	fail(err_fd, errno, "exec", u->shell);
}

static void __attribute__((noreturn)) run_argv(const struct launch *l, int err_fd)
{
	char **argv = calloc(l->argc + 1u, sizeof(*argv));
	const char *s = l->argv, *file = l->argv;
	char login[260];

	if (!argv)
		fail(err_fd, ENOMEM, "arguments", "");
	for (unsigned i = 0; i < l->argc; i++, s += strlen(s) + 1)
		argv[i] = (char *)s;
	if (l->flags & CHAN_LOGIN) {
		const char *slash = strrchr(file, '/');

		str_join(login, sizeof(login), "-", slash ? slash + 1 : file, NULL);
		argv[0] = login;
	}
	execvp(file, argv);
	fail(err_fd, errno, "exec", file);
}

static void __attribute__((noreturn))
run_child(const struct launch *l, const struct launch_io *io, int err_fd)
{
	struct user u = {0};

	default_signals();
	setsid();
	set_descriptors(io, err_fd);
	if (io->tty && ioctl(0, TIOCSCTTY, 1) < 0)
		fail(err_fd, errno, "terminal", "");
	become(l, &u, io, err_fd);
	set_environment(l, &u);
	if (chdir(*l->cwd ? l->cwd : u.home) < 0) {
		if (*l->cwd)
			fail(err_fd, errno, "cwd", l->cwd);
		if (chdir("/") < 0)
			fail(err_fd, errno, "cwd", "/");
	}
	if (l->argc)
		run_argv(l, err_fd);
	run_shell(&u, err_fd);
}

pid_t launch_start(const struct launch *l, const struct launch_io *io, int *err_fd)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	pid = spawn();
	if (pid == 0)
		run_child(l, io, p[1]);
	if (pid < 0)
		pid = -errno;
	close(p[1]);
	if (pid < 0)
		close(p[0]);
	else
		*err_fd = p[0];
	return pid;
}
