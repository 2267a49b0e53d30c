/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console program on a terminal of the bench's own, and what it costs.
 *
 *   tui feed JAIL RATE SECONDS KEYS PROGRAM ARG...
 *     Plays the warden of JAIL (which must be there and have none) that records RATE events a
 *     second; with KEYS 1 presses keys all the while, twenty times a second. Prints: ms from key to
 * frame (p50 p99 max), percent of one processor, peak memory in MiB, the feed's own count of
 * changes. tui open START KEYS WANT SAMPLES PROGRAM ARG... Starts a program, waits for START on its
 * screen, types KEYS, waits for WANT. Without START the time is from exec, and KEYS are typed at
 * once. Then presses SAMPLES keys. Prints: ms to WANT; with SAMPLES p50 p99 max.
 *
 * The keys Y and T must be bound to nothing: what the message line says of them ends a frame.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/jail.h"
#include "core/proto.h"
#include "core/ring.h"
#include "tui/term.h"
#include "views/row.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROWS 40
#define COLS 140
#define PATIENCE_MS 60000
#define SAMPLES_MAX 10000

static void die(const char *what)
{
	fprintf(stderr, "tui: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* the program on its terminal */

struct pty {
	int fd;
	pid_t pid;
	struct term *term;
};

static void start(struct pty *p, char **argv)
{
	struct winsize ws = {.ws_row = ROWS, .ws_col = COLS};

	p->term = term_new(ROWS, COLS);
	p->pid = forkpty(&p->fd, NULL, NULL, &ws);
	if (p->pid < 0)
		die("forkpty");
	if (p->pid == 0) {
		setenv("TERM", "tmux-256color", 1);
		execvp(argv[0], argv);
		die(argv[0]);
	}
}

/* What comes within ms; false: the program is gone. */
static bool pump(struct pty *p, int ms)
{
	struct pollfd pf = {.fd = p->fd, .events = POLLIN};
	char buf[65536];
	ssize_t n;

	if (poll(&pf, 1, ms) <= 0)
		return true;
	n = read(p->fd, buf, sizeof(buf));
	if (n <= 0)
		return false;
	term_write(p->term, buf, (size_t)n);
	return true;
}

/* The screen's rows from the i-th on have the text. */
static bool shows_from(struct pty *p, size_t i, const char *text)
{
	struct row r = {0};
	bool found = false;

	for (; i < ROWS && !found; i++) {
		row_reset(&r);
		term_line(p->term, term_end(p->term) - ROWS + i, &r);
		found = strstr(row_text(&r), text) != NULL;
	}
	row_free(&r);
	return found;
}

static void await(struct pty *p, size_t from, const char *text)
{
	double until = now_ms() + PATIENCE_MS;

	while (!shows_from(p, from, text)) {
		if (pump(p, 100) && now_ms() < until)
			continue;
		fprintf(stderr, "tui: %s: was never shown, but:\n", text);
		for (size_t i = 0; i < ROWS; i++) {
			struct row r = {0};

			term_line(p->term, term_end(p->term) - ROWS + i, &r);
			fprintf(stderr, "%s\n", row_text(&r));
			row_free(&r);
		}
		kill(p->pid, SIGKILL);
		exit(1);
	}
}

static void type(struct pty *p, const char *keys)
{
	if (fd_write_full(p->fd, keys, strlen(keys)))
		die("keys");
}

/* ms from two keys, a movement and one that means nothing, to the frame that shows both. */
static double press(struct pty *p, unsigned i)
{
	static const char *const keys[] = {"kY", "kT", "jY", "jT"};
	const char *key = keys[i % 4];
	char want[32];
	double t0 = now_ms();

	snprintf(want, sizeof(want), " %c is not bound", key[1]);
	type(p, key);
	await(p, ROWS - 1, want);
	return now_ms() - t0;
}

static void stop(struct pty *p)
{
	type(p, "Q");
	while (pump(p, 5000))
		;
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	term_free(p->term);
	close(p->fd);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_samples(double *s, size_t n)
{
	qsort(s, n, sizeof(*s), ascending);
	printf("%.2f %.2f %.2f", s[n / 2], s[n * 99 / 100], s[n - 1]);
}

/* Seconds of processor time that a process has used, to the nanosecond: ticks miss short bursts. */
static double cpu_of(pid_t pid)
{
	char path[300];
	double all = 0;
	struct dirent *de;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (de = readdir(d))) {
		unsigned long long ns = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, de->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%llu", &ns) == 1)
			all += (double)ns / 1e9;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return all;
}

static double peak_mib(pid_t pid)
{
	char path[64], line[256];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %lf", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib / 1024;
}

/* the warden */

struct warden {
	struct jail jail;
	struct jail_status status;
	struct ring *ring;
	int lock, listener;
	long rate;
};

static void push(struct warden *w, unsigned i)
{
	static const uint16_t ops[] = {EVENT_CREATE, EVENT_WRITE,  EVENT_WRITE,
				       EVENT_CHMOD,  EVENT_RENAME, EVENT_UNLINK};
	char path[96], path2[96];
	struct event ev = {.op = ops[i % 6],
			   .class = EVENT_CHANGE,
			   .mode = S_IFREG | 0644,
			   .uid = i % 3 * 1000,
			   .pid = 100 + i % 50,
			   .bytes = i % 65536};

	ev.path = path;
	ev.path_len = (size_t)snprintf(path, sizeof(path), "/usr/lib/package-%u/modules/file-%u.so",
				       i / 1000 % 1000, i % 5000);
	if (ev.op == EVENT_RENAME) {
		ev.path2 = path2;
		ev.path2_len = (size_t)snprintf(path2, sizeof(path2), "%s.new", path);
	}
	ring_push(w->ring, &ev);
}

/* Pushes in steps of a millisecond, and goes on behind a delay where it should be by now. */
static void *push_all(void *arg)
{
	struct warden *w = arg;
	double t0 = now_ms();
	unsigned done = 0;

	while (w->rate) {
		unsigned due = (unsigned)((now_ms() - t0) * (double)w->rate / 1000);

		while (done < due)
			push(w, done++);
		usleep(1000);
	}
	return NULL;
}

static void answer(struct warden *w, int s, uint32_t tag, const json_t *call)
{
	const char *verb = json_string_value(json_object_get(call, "verb"));
	bool events = verb && !strcmp(verb, "events");
	json_t *o = events ? json_pack("{s:I}", "last", (json_int_t)ring_last(w->ring))
			   : jail_status_to_json(&w->status);

	proto_send_json(s, events ? PROTO_RING : PROTO_RESULT, tag, o,
			events ? ring_fd(w->ring) : -1);
	json_decref(o);
}

/* One viewer: woken once for each arm, every 10 ms at most. */
static void *serve(void *arg)
{
	struct warden *w = ((void **)arg)[0];
	int s = (int)(intptr_t)((void **)arg)[1];
	json_t *hello = json_pack("{s:s, s:o}", "name", w->jail.name, "status",
				  jail_status_to_json(&w->status));
	uint64_t armed = UINT64_MAX;
	double woken = 0;
	char buf[PROTO_MAX];

	free(arg);
	proto_send_json(s, PROTO_HELLO, 0, hello, -1);
	json_decref(hello);
	for (;;) {
		struct pollfd pf = {.fd = s, .events = POLLIN};
		struct proto_head h;
		ssize_t n;

		poll(&pf, 1, 2);
		if (armed != UINT64_MAX && ring_last(w->ring) > armed && now_ms() - woken >= 10) {
			armed = UINT64_MAX;
			woken = now_ms();
			proto_send(s, PROTO_WAKE, 0, NULL, 0, -1);
		}
		if (!pf.revents)
			continue;
		n = proto_recv(s, &h, buf, NULL);
		if (n < 0)
			break;
		if (h.type == PROTO_ARM && n == 8)
			memcpy(&armed, buf, 8);
		if (h.type == PROTO_CALL) {
			json_t *call = proto_json(buf, (size_t)n);

			answer(w, s, h.tag, call);
			json_decref(call);
		}
	}
	close(s);
	return NULL;
}

static void listen_as_warden(struct warden *w, const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	static struct jail_places places;
	struct err e;

	if (jail_places_init(&places, &e) || jail_open(&w->jail, &places, name, &e) ||
	    (w->lock = jail_lock(&w->jail)) < 0)
		die(name);
	jail_status_read(&w->jail, &w->status);
	w->status.state = JAIL_RUNNING;
	w->status.warden = getpid();
	jail_status_write(&w->jail, &w->status);
	w->ring = ring_new(4 << 20);
	mkdir(w->jail.run, 0700);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", w->jail.run);
	unlink(at.sun_path);
	w->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(w->listener, (struct sockaddr *)&at, sizeof(at)) || listen(w->listener, 8))
		die(at.sun_path);
}

/* Runs until it is killed; its first byte on fd says that it listens. */
static void play_warden(const char *name, long rate, int fd)
{
	struct warden w = {.rate = rate};
	pthread_t t;

	listen_as_warden(&w, name);
	pthread_create(&t, NULL, push_all, &w);
	if (write(fd, "+", 1) != 1)
		exit(1);
	for (;;) {
		int s = accept4(w.listener, NULL, NULL, SOCK_CLOEXEC);
		void **arg = malloc(2 * sizeof(*arg));

		if (s < 0 || !arg)
			exit(1);
		arg[0] = &w;
		arg[1] = (void *)(intptr_t)s;
		pthread_create(&t, NULL, serve, arg);
	}
}

/* Shows what the feed itself counts: "1.2M changes". */
static void print_changes(struct pty *p)
{
	struct row r = {0};
	const char *at;

	term_line(p->term, term_end(p->term) - ROWS, &r);
	at = strstr(row_text(&r), " change");
	while (at && at > row_text(&r) && at[-1] != ' ')
		at--;
	printf("%.*s", at ? (int)strcspn(at, " ") : 1, at ? at : "?");
	row_free(&r);
}

static int feed(const char *jail, long rate, double seconds, bool keys, char **argv)
{
	static double samples[SAMPLES_MAX];
	struct pty p;
	double t0, cpu;
	size_t n = 0;
	int ready[2];
	pid_t warden;
	char c;

	if (pipe(ready))
		die("pipe");
	fflush(stdout);
	warden = fork();
	if (!warden)
		play_warden(jail, rate, ready[1]);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("the warden did not begin");
	start(&p, argv);
	await(&p, 0, rate ? "change" : "feed");
	for (t0 = now_ms(); now_ms() - t0 < 1000;)
		pump(&p, 50);
	t0 = now_ms();
	cpu = cpu_of(p.pid);
	while (now_ms() - t0 < seconds * 1000) {
		double next = now_ms() + 47;

		if (keys && n < SAMPLES_MAX) {
			samples[n] = press(&p, (unsigned)n);
			n++;
		}
		while (now_ms() < next)
			pump(&p, 5);
	}
	cpu = (cpu_of(p.pid) - cpu) / (now_ms() - t0) * 1e5;
	if (n)
		print_samples(samples, n);
	else
		printf("- - -");
	printf(" %.1f %.0f ", cpu, peak_mib(p.pid));
	print_changes(&p);
	putchar('\n');
	stop(&p);
	kill(warden, SIGKILL);
	waitpid(warden, NULL, 0);
	return 0;
}

static int open_view(const char *first, const char *keys, const char *want, size_t n, char **argv)
{
	static double samples[SAMPLES_MAX];
	struct pty p;
	double t0 = now_ms();

	start(&p, argv);
	if (*first) {
		await(&p, 0, first);
		/* what still comes, of states for instance, is not what is measured */
		for (t0 = now_ms(); now_ms() - t0 < 300;)
			pump(&p, 50);
		t0 = now_ms();
	}
	type(&p, keys);
	await(&p, 0, want);
	printf("%.1f", now_ms() - t0);
	for (size_t i = 0; i < n && i < SAMPLES_MAX; i++)
		samples[i] = press(&p, (unsigned)i);
	if (n) {
		putchar(' ');
		print_samples(samples, n);
	}
	putchar('\n');
	stop(&p);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 6 && !strcmp(argv[1], "feed"))
		return feed(argv[2], atol(argv[3]), atof(argv[4]), atoi(argv[5]) != 0, argv + 6);
	if (argc > 6 && !strcmp(argv[1], "open"))
		return open_view(argv[2], argv[3], argv[4], (size_t)atol(argv[5]), argv + 6);
	fprintf(stderr,
		"usage: tui feed JAIL RATE SECONDS KEYS PROGRAM... | open START KEYS WANT SAMPLES "
		"PROGRAM...\n");
	return 2;
}
