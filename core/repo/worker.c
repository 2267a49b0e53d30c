/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/worker.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/seal.h"
#include "core/layer/touched.h"
#include "core/repo/log.h"
#include "core/repo/prune.h"
#include "core/repo/restore.h"
#include "core/repo/save.h"
#include "core/wall/hold.h"
#include "core/usage.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define JAIL_FD 3
#define TOUCHED_FD 4
#define SEAL_FD 5 /* and two more: struct seal_ends */
#define LAST_FD (SEAL_FD + 2)
#define TOUCHED_LIMIT (256u << 20)
#define REQUEST_MAX (1u << 20)

struct job {
	int jailfd, touchedfd;
	struct save_from from;
	struct seal_ends seal;
	const json_t *q;
	struct repo *r;
	struct repo_hooks hooks;
	bool (*say)(void *user, const json_t *o);
	void *user;
	struct err e;
};

static bool say_progress(void *user, const char *phase, uint64_t done, uint64_t total)
{
	struct job *j = user;
	json_t *o = json_pack("{s:{s:s,s:I,s:I}}", "progress", "phase", phase, "done",
			      (json_int_t)done, "total", (json_int_t)total);
	bool go = j->say(j->user, o);

	json_decref(o);
	return go;
}

static int say_ok(struct job *j, json_t *o)
{
	json_t *all = json_pack("{s:o}", "ok", o);

	j->say(j->user, all);
	json_decref(all);
	return 0;
}

static const char *text(struct job *j, const char *key)
{
	return json_string_value(json_object_get(j->q, key));
}

static json_t *saved(const struct save_result *s)
{
	return json_pack("{s:I,s:s,s:I,s:I,s:I,s:I,s:b,s:s,s:s*}", "number", (json_int_t)s->number, "hash",
			 s->hash, "added", (json_int_t)s->added, "modified",
			 (json_int_t)s->modified, "deleted", (json_int_t)s->deleted, "bytes",
			 (json_int_t)s->bytes, "unchanged", s->unchanged, "tree", s->tree,
			 "whole", s->whole);
}

static void say_stored(void *user)
{
	struct job *j = user;
	json_t *o = json_pack("{s:b}", "stored", 1);

	j->say(j->user, o);
	json_decref(o);
}

static void take_touched(struct job *j)
{
	struct buf b = {0};
	struct stat st;

	if (j->touchedfd < 0 || fstat(j->touchedfd, &st) || st.st_size > TOUCHED_LIMIT)
		return;
	char *to = buf_room(&b, (size_t)st.st_size);
	if (pread(j->touchedfd, to, (size_t)st.st_size, 0) == st.st_size)
		j->from.touched = touched_read(to, (size_t)st.st_size);
	buf_free(&b);
}

/* What the layer says was touched, and keeps. */
static const struct save_from *from(struct job *j)
{
	j->from.base = text(j, "base");
	if (j->from.base && !j->from.touched)
		take_touched(j);
	if (json_is_true(json_object_get(j->q, "sealed"))) {
		j->seal = (struct seal_ends){SEAL_FD, SEAL_FD + 1, SEAL_FD + 2};
		j->from.seal = &j->seal;
		/* a set that was not understood is not "nothing is known": that is kept for less */
		if (j->from.base && !j->from.touched)
			j->from.touched = touched_new(true);
	}
	return &j->from;
}

static int do_save(struct job *j)
{
	const char *word = text(j, "kind");
	int kind = ckpt_kind_parse(word ? word : "hand");
	struct save_request q = {
	    .message = text(j, "message"),
	    .always = json_is_true(json_object_get(j->q, "always")),
	};
	struct save_result s;
	int err;

	if (kind < 0)
		return err_set(&j->e, -EINVAL, "checkpoint: %s: no kind", word);
	q.kind = (enum ckpt_kind)kind;
	q.from = from(j);
	err = save(j->r, &q, &s, &j->hooks, &j->e);
	return err ? err : say_ok(j, saved(&s));
}

static int do_needed(struct job *j)
{
	int got = save_needed(j->r, &j->hooks, &j->e);

	return got < 0 ? got : say_ok(j, json_pack("{s:b}", "needed", got));
}

static int roll(struct job *j, bool redo, bool plan)
{
	struct restore_request q = {
	    .to = text(j, "to"),
	    .redo = redo,
	    .plan = plan,
	    .message = text(j, "message"),
	    .name = text(j, "name"),
	    .from = from(j),
	};
	struct restore_result s;
	int err = restore(j->r, &q, &s, &j->hooks, &j->e);

	if (err)
		return err;
	return say_ok(j, json_pack("{s:I,s:s,s:I,s:I,s:I,s:I,s:b,s:s,s:s*}", "number", (json_int_t)s.number,
				   "hash", s.hash, "time", (json_int_t)s.time, "saved",
				   (json_int_t)s.saved, "from", (json_int_t)s.from, "entries",
				   (json_int_t)s.entries, "unchanged", s.unchanged, "tree", s.tree,
				   "whole", s.whole));
}

static int do_rollback(struct job *j)
{
	return roll(j, false, false);
}

static int do_redo(struct job *j)
{
	return roll(j, true, false);
}

static int do_plan(struct job *j)
{
	return roll(j, json_is_true(json_object_get(j->q, "redo")), true);
}

static int do_recover(struct job *j)
{
	bool done;
	int err = restore_recover(j->r, &done, &j->e);

	return err ? err : say_ok(j, json_pack("{s:b}", "recovered", done));
}

static int do_status(struct job *j)
{
	struct checkpoint c;
	int err = log_resolve(j->r, "", text(j, "name"), &c, &j->e);
	json_t *o;

	if (err)
		return err;
	o = json_pack("{s:I,s:s,s:s,s:I,s:s%,s:I,s:I,s:I,s:I}", "number", (json_int_t)c.number,
		      "hash", c.hash, "kind", ckpt_kind_name(c.kind), "time", (json_int_t)c.time,
		      "message", c.message, strlen(c.message), "added", (json_int_t)c.added,
		      "modified", (json_int_t)c.modified, "deleted", (json_int_t)c.deleted, "bytes",
		      (json_int_t)c.bytes);
	checkpoint_free(&c);
	return o ? say_ok(j, o) : err_set(&j->e, -EPROTO, "checkpoint: its message is no text");
}

static int do_create(struct job *j)
{
	struct save_request q = {.kind = CKPT_INITIAL, .always = true};
	struct save_result s;
	int err = repo_create(j->jailfd, &j->e);

	if (!err)
		err = repo_open(&j->r, j->jailfd, &j->e);
	if (!err)
		err = save(j->r, &q, &s, &j->hooks, &j->e);
	return err ? err : do_status(j);
}

static int do_tag(struct job *j)
{
	const char *tag = text(j, "tag");
	struct checkpoint c;
	int err = log_resolve(j->r, text(j, "id"), text(j, "name"), &c, &j->e);

	if (err)
		return err;
	err = log_tag(j->r, &c, tag ? tag : "", &j->e);
	json_int_t number = c.number;
	checkpoint_free(&c);
	return err ? err : say_ok(j, json_pack("{s:I}", "number", number));
}

static int do_untag(struct job *j)
{
	const char *tag = text(j, "tag");
	int err = log_untag(j->r, tag ? tag : "", &j->e);

	return err ? err : say_ok(j, json_object());
}

static int do_rename(struct job *j)
{
	struct checkpoint c;
	int err = log_resolve(j->r, text(j, "id"), text(j, "name"), &c, &j->e);

	if (err)
		return err;
	err = reword(j->r, c.hash, text(j, "message"), &j->e);
	json_int_t number = c.number;
	checkpoint_free(&c);
	return err ? err : say_ok(j, json_pack("{s:I}", "number", number));
}

static int do_prune(struct job *j)
{
	const json_t *keep = json_object_get(j->q, "keep"), *older = json_object_get(j->q, "older");
	const json_t *size = json_object_get(j->q, "size");
	struct prune_request q = {
	    .by_count = json_is_integer(keep),
	    .by_age = json_is_integer(older),
	    .keep = (unsigned)json_integer_value(keep),
	    .older = json_integer_value(older),
	    .by_size = json_is_integer(size) && json_integer_value(size) >= 0,
	    .size = (uint64_t)json_integer_value(size),
	    .dry = json_is_true(json_object_get(j->q, "dry")),
	};
	struct prune_result s;
	int err = prune(j->r, &q, &s, &j->hooks, &j->e);
	json_t *numbers = json_array();

	/* a message has 64 KiB: a longer list is cut, "count" is right */
	for (size_t i = 0; i < s.n && i < 4000; i++)
		json_array_append_new(numbers, json_integer(s.numbers[i]));
	free(s.numbers);
	json_t *o = json_pack("{s:o,s:I,s:I,s:I}", "numbers", numbers, "count", (json_int_t)s.n,
			      "before", (json_int_t)s.before, "after", (json_int_t)s.after);
	if (!err)
		return say_ok(j, o);
	json_decref(o);
	return err;
}

static int do_usage(struct job *j)
{
	int64_t bytes, inodes;
	int err = usage_layer(j->jailfd, &bytes, &inodes);

	if (err)
		return err_set(&j->e, err, "upper: cannot be counted: %s", strerror(-err));
	return say_ok(
	    j, json_pack("{s:I,s:I}", "bytes", (json_int_t)bytes, "inodes", (json_int_t)inodes));
}

static const struct op {
	const char *name;
	int (*fn)(struct job *j);
	bool without; /* there is no repository yet, or it is not needed */
} ops[] = {
    {.name = "save", .fn = do_save},
    {.name = "needed", .fn = do_needed},
    {.name = "rollback", .fn = do_rollback},
    {.name = "redo", .fn = do_redo},
    {.name = "plan", .fn = do_plan},
    {.name = "recover", .fn = do_recover},
    {.name = "prune", .fn = do_prune},
    {.name = "tag", .fn = do_tag},
    {.name = "untag", .fn = do_untag},
    {.name = "rename", .fn = do_rename},
    {.name = "status", .fn = do_status},
    {.name = "create", .fn = do_create, .without = true},
    {.name = "usage", .fn = do_usage, .without = true},
};

static int carry_out(struct job *j)
{
	const char *name = text(j, "op");

	for (size_t i = 0; name && i < sizeof(ops) / sizeof(*ops); i++) {
		int err = 0;
		if (strcmp(ops[i].name, name))
			continue;
		if (!ops[i].without)
			err = repo_open(&j->r, j->jailfd, &j->e);
		return err ? err : ops[i].fn(j);
	}
	return err_set(&j->e, -EINVAL, "worker: %s: no such request", name ? name : "nothing");
}

int worker_run(int jailfd, int touchedfd, const json_t *request,
	       bool (*say)(void *user, const json_t *o), void *user)
{
	struct job j = {
	    .jailfd = jailfd, .touchedfd = touchedfd, .q = request, .say = say, .user = user};
	int err;

	j.hooks = (struct repo_hooks){.progress = say_progress, .stored = say_stored, .user = &j};
	err = carry_out(&j);
	repo_close(j.r);
	touched_free(j.from.touched);
	if (err) {
		struct buf b = {0};
		/* names in it may be any bytes; JSON takes UTF-8 */
		buf_str(&b, j.e.text);
		json_t *o = json_pack("{s:s,s:i}", "error", b.p, "code", -err);
		if (!o) {
			for (char *s = b.p; *s; s++)
				if ((unsigned char)*s > 126)
					*s = '?';
			o = json_pack("{s:s,s:i}", "error", b.p, "code", -err);
		}
		say(user, o);
		json_decref(o);
		buf_free(&b);
	}
	return err;
}

/* A pending SIGTERM (blocked all along) cancels. */
static bool say_line(void *user, const json_t *o)
{
	char *s = json_dumps(o, JSON_COMPACT);
	sigset_t pending;

	if (s) {
		size_t n = strlen(s);
		s[n] = '\n';
		fd_write_full(STDOUT_FILENO, s, n + 1);
		free(s);
	}
	return sigpending(&pending) || !sigismember(&pending, SIGTERM);
}

/* Descriptors that came with the request, to the places that its "fds" has. */
static bool place(const json_t *q, int *fd, size_t n)
{
	const json_t *places = json_object_get(q, "fds");
	bool ok = json_array_size(places) == n;

	/* out of the way of each other first */
	for (size_t i = 0; i < n; i++) {
		int up = ok ? fcntl(fd[i], F_DUPFD, LAST_FD + 1) : -1;
		close(fd[i]);
		fd[i] = up;
	}
	for (size_t i = 0; i < n; i++) {
		json_int_t to = json_integer_value(json_array_get(places, i));
		ok = ok && to > JAIL_FD && to <= LAST_FD && dup2(fd[i], (int)to) >= 0;
		if (fd[i] >= 0)
			close(fd[i]);
	}
	return ok;
}

/* The request on standard input: a file or pipe, or a warden's socket, which may bring descriptors. */
static json_t *take_request(void)
{
	int fd[LAST_FD - JAIL_FD];
	size_t n = 0;
	struct buf b = {0};
	ssize_t got;

	do {
		union {
			struct cmsghdr align;
			char space[CMSG_SPACE(sizeof(fd))];
		} control;
		struct iovec iov = {.iov_base = buf_room(&b, 4096), .iov_len = 4096};
		struct msghdr m = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = &control,
				   .msg_controllen = sizeof(control)};
		got = recvmsg(STDIN_FILENO, &m, 0);
		if (got < 0 && errno == ENOTSOCK) {
			m.msg_controllen = 0;
			got = read(STDIN_FILENO, iov.iov_base, iov.iov_len);
		}
		struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&m) : NULL;
		if (c && !n && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fd, CMSG_DATA(c), n * sizeof(int));
		}
		b.len += got > 0 ? (size_t)got : 0;
	} while ((got > 0 || (got < 0 && errno == EINTR)) && b.len < REQUEST_MAX);
	json_t *q = json_loadb(buf_cstr(&b), b.len, 0, NULL);
	buf_free(&b);
	if (!place(q, fd, n) && n) {
		json_decref(q);
		q = NULL;
	}
	return q;
}

int worker_main(int argc, char **argv)
{
	struct rlimit rl;
	struct err e;
	sigset_t term;
	json_t *q;
	int err;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	/* a descriptor for each directory of a nested path */
	if (!getrlimit(RLIMIT_NOFILE, &rl)) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (hold_worker(JAIL_FD, &e)) {
		err_print(&e);
		return 2;
	}
	/* what can be done before it is known what is to be done */
	repo_warm();
	q = take_request();
	if (argc > 2 || !json_is_object(q)) {
		fputs("gaol: worker: no request: it is started by a warden\n", stderr);
		json_decref(q);
		return 2;
	}
	err = worker_run(JAIL_FD, TOUCHED_FD, q, say_line, NULL);
	json_decref(q);
	return err ? 1 : 0;
}
