/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the wire in both directions: clients that send anything to a warden (whose guest answers
 * anything too), and a warden that sends anything to a client. Every call comes back, and what is
 * refused is refused with a message or by hanging up.
 *
 * Input: a byte (bit 0: which direction; bit 1: the guest is up), then messages: type, flags (bits
 * 0 and 1: which client; bit 2: a descriptor comes along; bit 3: another version; bit 4: a frame of
 * the guest's instead; bit 5: this client hangs up behind it), tag, length in 4 bytes, payload.
 */
#include "core/client.h"
#include "core/fd.h"
#include "core/layer/touched.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 4

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
void __sanitizer_set_report_fd(void *fd);

struct world {
	struct warden w;
	int client[CLIENTS];
};

struct msg {
	uint16_t type;
	uint8_t flags;
	uint32_t tag;
	const uint8_t *p;
	size_t n;
};

/* A worker that the warden starts is this program: it ends at once, as one that was killed. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char top[] = "/dev/shm/gaol-fuzz-XXXXXX";
	int err = fcntl(2, F_DUPFD_CLOEXEC, 100);

	if (*argc > 1 && !strcmp((*argv)[1], "worker"))
		_exit(1);
	if (!mkdtemp(top) || setenv("GAOL_FUZZ", top, 1))
		abort();
	__sanitizer_set_report_fd((void *)(intptr_t)err);
	return 0;
}

static bool take(const uint8_t **p, size_t *n, struct msg *m)
{
	if (*n < 5)
		return false;
	*m = (struct msg){.type = (*p)[0], .flags = (*p)[1], .tag = (*p)[2]};
	size_t len = (*p)[3] | (size_t)(*p)[4] << 8;
	*p += 5;
	*n -= 5;
	m->n = len < *n ? len : *n;
	m->p = *p;
	*p += m->n;
	*n -= m->n;
	return true;
}

static void post(int sock, const struct msg *m)
{
	struct proto_head h = {
	    .version = PROTO_VERSION + (m->flags & 8), .type = m->type, .tag = m->tag};
	struct iovec iov[2] = {{&h, m->n % 251 == 250 ? 3 : sizeof(h)},
			       {(void *)(uintptr_t)m->p, m->n}};
	struct msghdr x = {.msg_iov = iov, .msg_iovlen = 2};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} c = {.align = {.cmsg_len = CMSG_LEN(2 * sizeof(int)),
			 .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS}};
	cleanup_fd int fd = m->flags & 4 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&c.align), (int[]){fd, fd}, 2 * sizeof(int));
		x.msg_control = &c;
		x.msg_controllen = sizeof(c.room);
	}
	(void)!sendmsg(sock, &x, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The guest */

static size_t on_send(void *user, const void *p, size_t n)
{
	return n;
}

static void on_ready(void *user, uint32_t pid)
{
}

static void on_reply(void *user, uint32_t tag, int err, const void *p, size_t n, bool cut)
{
	if (!save_on_reply(user, tag, err, p, n))
		verb_on_reply(user, tag, err, p, n, cut);
}

static const struct chan_ops guest = {
    .send = on_send,
    .ready = on_ready,
    .name = names_told,
    .exec_started = exec_on_started,
    .exec_failed = exec_on_failed,
    .stream_data = exec_on_data,
    .stream_room = exec_on_room,
    .stream_exit = exec_on_exit,
    .reply = on_reply,
};

static void frame(struct warden *w, uint16_t type, uint32_t id, const void *p, size_t n)
{
	uint8_t h[CHAN_HEADER] = {0};
	uint16_t flags = type == CHAN_DATA || type == CHAN_CREDIT ? 1 : 0;

	h[0] = (uint8_t)n;
	h[1] = (uint8_t)(n >> 8);
	h[4] = (uint8_t)type;
	memcpy(h + 6, &flags, 2);
	memcpy(h + 8, &id, 4);
	chan_feed(w->chan, h, sizeof(h));
	chan_feed(w->chan, p, n);
}

static void guest_up(struct warden *w)
{
	static const uint8_t hello[] = {1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, '7', '.', '3', 0};
	static const uint8_t ready[4] = {0};
	struct chan_setup s = {.hostname = "x"};

	w->chan = chan_new(&guest, w);
	chan_setup(w->chan, &s);
	frame(w, CHAN_HELLO, 0, hello, sizeof(hello));
	frame(w, CHAN_READY, 0, ready, sizeof(ready));
	w->st.state = JAIL_RUNNING;
}

/* The warden's side */

static void begin(struct world *x, bool up)
{
	struct warden *w = &x->w;
	const char *top = getenv("GAOL_FUZZ");
	char *run = xasprintf("%s/run", top);

	*w = (struct warden){.lock = -1, .listen_fd = -1, .console = -1};
	mkdir(run, 0700);
	w->places = (struct jail_places){.home = xstrdup(top), .run = run};
	snprintf(w->jail.name, sizeof(w->jail.name), "x");
	w->jail.dir = xasprintf("%s/jail", top);
	w->jail.run = xasprintf("%s/run/x", top);
	mkdir(w->jail.dir, 0700);
	mkdir(w->jail.run, 0700);
	w->jail.dirfd = open(w->jail.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	conf_init(&w->conf);
	w->loop = loop_new();
	w->ring = ring_new(RING_SIZE_MIN);
	if (w->jail.dirfd < 0 || !w->loop || !w->ring)
		abort();
	console_init(w);
	if (up)
		guest_up(w);
	for (int i = 0; i < CLIENTS; i++) {
		int pair[2];
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ||
		    !peer_adopt(w, pair[1]))
			abort();
		x->client[i] = pair[0];
	}
}

static void end(struct world *x)
{
	struct warden *w = &x->w;

	exec_guest_gone(w);
	names_forget(w);
	verb_guest_gone(w);
	put_abort_all(w);
	bring_abort_all(w);
	save_abort(w);
	layers_close(w);
	touched_free(w->touched);
	touched_free(w->was);
	chan_free(w->chan);
	w->chan = NULL;
	console_free(w);
	limits_leave(w);
	peer_drop_all(w);
	for (int i = 0; i < CLIENTS; i++)
		fd_close(&x->client[i]);
	ring_free(w->ring);
	loop_free(w->loop);
	conf_free(&w->conf);
	jail_close(&w->jail);
	jail_places_free(&w->places);
}

static void to_warden(const uint8_t *p, size_t n, bool up)
{
	struct world x;
	char drain[4096];
	struct msg m;

	begin(&x, up);
	for (int i = 0; i < 64 && take(&p, &n, &m); i++) {
		int *sock = &x.client[m.flags & 3];

		if (m.flags & 16) {
			if (x.w.chan && m.n < 65000)
				frame(&x.w, m.type, m.tag, m.p, m.n);
		} else if (*sock >= 0) {
			post(*sock, &m);
		}
		loop_once(x.w.loop, 0);
		while (*sock >= 0 && recv(*sock, drain, sizeof(drain), MSG_DONTWAIT) > 0)
			;
		if (m.flags & 32)
			fd_close(sock);
	}
	loop_once(x.w.loop, 0);
	end(&x);
}

/* The client's side */

static void progress(void *user, const char *phase, uint64_t done, uint64_t total)
{
	if (!phase)
		abort();
}

static int listen_at(const char *dir)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	mkdir(dir, 0700);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", dir);
	unlink(at.sun_path);
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) || listen(s, 1))
		abort();
	return s;
}

static void use(const json_t *o)
{
	struct jail_status st;
	json_t *again;

	if (!o || jail_status_from_json(o, &st))
		return;
	if (memchr(st.name, 0, sizeof(st.name)) == NULL ||
	    memchr(st.reason, 0, sizeof(st.reason)) == NULL || st.state >= JAIL_STATES)
		abort();
	again = jail_status_to_json(&st);
	json_decref(again);
}

static void to_client(const uint8_t *p, size_t n)
{
	const char *top = getenv("GAOL_FUZZ");
	char *dir = xasprintf("%s/y", top), drain[4096];
	struct jail_places places = {.home = (char *)(uintptr_t)top, .run = (char *)(uintptr_t)top};
	cleanup_fd int listening = listen_at(dir);
	struct client *c = NULL;
	struct client_msg got;
	json_t *result = NULL;
	struct err e = {""};
	struct msg m;

	if (client_dial(&c, &places, "y", &e))
		abort();
	int warden = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	int tag = client_send_call(c, "status", NULL);
	if (warden < 0 || tag != 1 || recv(warden, drain, sizeof(drain), 0) <= 0)
		abort();
	while (take(&p, &n, &m))
		post(warden, &m);
	close(warden);
	if (client_await(c, tag, &result, progress, NULL, &e) && !*e.text)
		abort();
	use(result);
	json_decref(result);
	while (client_next(c, &got) == 1) {
		json_t *o = proto_json(got.data, got.len);
		use(o);
		json_decref(o);
		fd_close(&got.fd);
	}
	client_free(c);
	free(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_fd int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cleanup_fd int log = fcntl(2, F_DUPFD_CLOEXEC, 3);

	if (!n)
		return 0;
	dup2(quiet, 2); /* the warden's log */
	if (data[0] & 1)
		to_client(data + 1, n - 1);
	else
		to_warden(data + 1, n - 1, data[0] & 2);
	dup2(log, 2);
	return 0;
}
