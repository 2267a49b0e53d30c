/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/jobs.h"
#include "core/chanproto.h"
#include "guest/procs.h"
#include "guest/spawn.h"
#include "guest/str.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
	struct job *next;
	struct init *in;
	uint32_t tag;
	pid_t pid;
	struct watch out;
	unsigned char *answer; /* 4 bytes for the errno, then the child's */
	size_t len;
	bool exited, over;
	int err;
};

/* The last byte of an answer is 1 when a list was cut, else 0; it is not passed on. */
enum { ANSWER_MAX = PROCS_MAX_BYTES + 16 };

void jobs_done(struct init *in, uint32_t tag, int err)
{
	gchan_send32(&in->chan, CHAN_DONE, 0, tag, (uint32_t)err);
}

static void finish(struct job *j)
{
	bool cut = false;

	if (!j->exited || watch_is_open(&j->out) || j->over)
		return;
	j->over = true;
	if (j->err || !j->answer || j->len < 5) {
		jobs_done(j->in, j->tag, j->err ? j->err : EIO);
		return;
	}
	cut = j->answer[--j->len] != 0;
	chan_put32(j->answer, 0);
	gchan_send(&j->in->chan, CHAN_DONE, cut ? CHAN_CUT : 0, j->tag, j->answer, j->len);
}

static void on_answer(void *user, uint32_t events)
{
	struct job *j = user;
	size_t room = 4 + ANSWER_MAX - j->len;
	ssize_t r = 0;

	/* Room grows with what comes: most answers are a few bytes. */
	if (room > 4096)
		room = 4096;
	if (room) {
		unsigned char *p = realloc(j->answer, j->len + room);

		if (p) {
			j->answer = p;
			r = read(j->out.fd, p + j->len, room);
		}
	}
	if (r > 0) {
		j->len += (size_t)r;
	} else if (r == 0 || (errno != EAGAIN && errno != EINTR)) {
		watch_close(&j->out);
		finish(j);
	}
}

/* What a job does, in the child; its result is the exit code. */
static int work(const struct frame *f, bool pid1, int fd)
{
	const unsigned char whole = 0;
	int r = 0;

	switch (f->type) {
	case CHAN_SYNC:
		sync();
		break;
	case CHAN_DROP_CACHES:
		sync();
		r = pid1 ? -file_put("/proc/sys/vm/drop_caches", "3") : 0;
		break;
	case CHAN_COUNT_PROCS:
		return procs_count(fd);
	case CHAN_PS:
		return procs_list(fd);
	case CHAN_OWNERS:
		return procs_owners(fd, f->p, f->n / CHAN_SOCKET);
	}
	return r ? r : write(fd, &whole, 1) == 1 ? 0 : errno;
}

void jobs_start(struct init *in, const struct frame *f)
{
	struct job *j = calloc(1, sizeof(*j));
	int p[2] = {-1, -1};
	pid_t pid = -1;

	if (j && pipe2(p, O_CLOEXEC) == 0)
		pid = spawn();
	if (pid == 0) {
		sigset_t none;

		/* The streams' pipes must not live on in a job that takes long. */
		dup2(p[1], 0);
		close_range(1, UINT_MAX, 0);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		_exit(work(f, in->pid1, 0));
	}
	if (p[1] >= 0)
		close(p[1]);
	if (pid < 0) {
		if (p[0] >= 0)
			close(p[0]);
		free(j);
		jobs_done(in, f->id, EAGAIN);
		return;
	}
	in->childless = false;
	*j = (struct job){.next = in->jobs, .in = in, .tag = f->id, .pid = pid, .len = 4};
	in->jobs = j;
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	watch_open(&j->out, in->epfd, p[0], EPOLLIN, on_answer, j);
}

bool jobs_reaped(struct init *in, pid_t pid, int status)
{
	for (struct job *j = in->jobs; j; j = j->next) {
		if (j->pid != pid || j->exited)
			continue;
		j->exited = true;
		j->err = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
		finish(j);
		return true;
	}
	return false;
}

void jobs_sweep(struct init *in)
{
	struct job **at = &in->jobs, *j;

	while ((j = *at) != NULL) {
		if (!j->over) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		free(j->answer);
		free(j);
	}
}
