/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings of a jail in the admin's editor: a copy is edited, and takes the place of jail.conf only
 * when it is one.
 */
#include "core/buf.h"
#include "core/conf.h"
#include "core/fd.h"
#include "core/jailset.h"
#include "tui/app_int.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16 /* of $EDITOR */

/* The editor's words, cut at blanks: no shell sees them. */
static void editor(char *text, char *file, char *argv[WORDS_MAX + 2])
{
	size_t n = 0;
	char *word;

	while (n < WORDS_MAX && (word = strsep(&text, " \t")))
		if (*word)
			argv[n++] = word;
	argv[n++] = file;
	argv[n] = NULL;
}

/* What keys in the editor sent to everybody on the terminal was not meant for us. */
static void drain_signals(void)
{
	struct timespec now = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	while (sigtimedwait(&set, NULL, &now) > 0)
		;
}

/* Runs it on the terminal and waits. 0, or -1 with a message. */
static int run_editor(struct app *a, char *file)
{
	const char *names[] = {getenv("VISUAL"), getenv("EDITOR"), "editor"};
	const char *name = names[0] && *names[0]   ? names[0]
			   : names[1] && *names[1] ? names[1]
						   : names[2];
	char *text = xstrdup(name), *argv[WORDS_MAX + 2];
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int status = 0, ret;

	editor(text, file, argv);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	app_leave_screen(a);
	ret = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	while (!ret && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	drain_signals();
	app_return_screen(a);
	posix_spawnattr_destroy(&attr);
	if (ret)
		app_fail(a, "%s: %s: set EDITOR to yours", argv[0], strerror(ret));
	else if (status)
		app_fail(a, "%s did not end well: nothing was changed", argv[0]);
	free(text);
	return ret || status ? -1 : 0;
}

static void save(struct app *a, const struct jail *j, const struct conf *c, const struct buf *text)
{
	int ret = file_replace_at(j->dirfd, CONF_FILE, text->p, text->len, 0600, true);

	if (ret)
		app_fail(a, "%s: " CONF_FILE ": cannot be written: %s", j->name, strerror(-ret));
	else if (jail_settings_told(j, c))
		app_say(a, "%s: settings saved", j->name);
	else
		app_say(a, "%s: settings saved; they take effect at its next start", j->name);
	model_refresh(a->model);
}

/* True: the draft is through with; else there is a question about it. */
static bool take(struct app *a, const struct jail *j, const char *draft, const struct buf *before)
{
	struct buf text = {0};
	struct conf c;
	struct err e;
	int ret = file_read_at(AT_FDCWD, draft, CONF_FILE_MAX, &text);
	bool done = true;

	if (ret) {
		app_fail(a, "%s: %s: nothing was changed", draft, strerror(-ret));
	} else if (text.len == before->len &&
		   !memcmp(buf_cstr(&text), buf_cstr(before), text.len)) {
		app_say(a, "%s: settings are as they were", j->name);
	} else if (!conf_parse(buf_cstr(&text), text.len, CONF_FILE, &c, &e)) {
		save(a, j, &c, &text);
		conf_free(&c);
	} else {
		ask_close(a);
		a->ask = (struct ask){.open = true, .yes = 'e', .command = CMD_SETTINGS, .n = 1};
		a->ask.names = xcalloc(1, sizeof(*a->ask.names));
		memcpy(a->ask.names[0], j->name, sizeof(a->ask.names[0]));
		a->ask.draft = xstrdup(draft);
		snprintf(a->ask.text, sizeof(a->ask.text),
			 " e edits again, any other key drops it: %.380s", e.text);
		done = false;
	}
	buf_free(&text);
	return done;
}

/* A copy of jail.conf to be edited; the caller frees its name. */
static char *make_draft(struct app *a, const struct jail *j, const struct buf *text)
{
	const char *dir = getenv("TMPDIR");
	char *path =
	    xasprintf("%s/gaol-%s-XXXXXX.conf", dir && *dir == '/' ? dir : "/tmp", j->name);
	cleanup_fd int fd = mkostemps(path, 5, O_CLOEXEC);
	int ret = fd < 0 ? -errno : fd_write_full(fd, buf_cstr(text), text->len);

	if (!ret)
		return path;
	app_fail(a, "%s: %s: nothing was changed", path, strerror(-ret));
	if (fd >= 0)
		unlink(path);
	free(path);
	return NULL;
}

void edit_settings(struct app *a, const char *name, const char *again)
{
	struct buf text = {0};
	struct jail j;
	struct err e;
	char *draft = NULL;
	int ret = jail_open(&j, a->opt->places, name, &e);

	if (ret) {
		app_fail(a, "%s", e.text);
		return;
	}
	ret = file_read_at(j.dirfd, CONF_FILE, CONF_FILE_MAX, &text);
	if (ret)
		app_fail(a, "%s: " CONF_FILE ": cannot be read: %s", name, strerror(-ret));
	else
		draft = again ? xstrdup(again) : make_draft(a, &j, &text);
	if (draft && (run_editor(a, draft) || take(a, &j, draft, &text)))
		unlink(draft);
	free(draft);
	buf_free(&text);
	jail_close(&j);
}
