/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's life: devices, walls, channel, orderly end and crash. */
#include "core/kernel.h"
#include "core/net/plan.h"
#include "core/thin.h"
#include "core/wall/need.h"
#include "core/wall/probe.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOT_TAG "gaol"
#define INIT_PATH "/.gaol/init"
#define BOOT_LIMIT_MS 60000
#define END_LIMIT_MS 500
#define SEED_BYTES 64
#define FAREWELL_MS 5000
#define CALM_MS 1000	/* after a boot: what it took is not needed any more */
#define CONSOLE_ROWS 24 /* until a viewer's terminal says otherwise */
#define CONSOLE_COLS 80

bool boot_is_up(const struct warden *w)
{
	return w->guest && w->chan && chan_is_ready(w->chan);
}

static void note_gone(struct warden *w, const char *device, const char *reason)
{
	if (!w->gone[0])
		snprintf(w->gone, sizeof(w->gone), "%s%s%s", device ? device : "",
			 device ? ": " : "", reason);
}

void boot_device_gone(struct warden *w, const char *device, const char *reason)
{
	note_gone(w, device, reason);
	if (w->guest)
		guest_kill(w->guest);
}

/*
 * A guest whose root device is over can do nothing any more. A kernel that powers off, or that
 * wants to boot again (it executes itself, and would find no device), gives the queues back before:
 * that is an orderly end.
 */
static void fs_gone(void *user, bool broken, const char *reason)
{
	struct warden *w = user;

	if (broken)
		note_gone(w, "file system device", reason);
	if (!broken && fsdev_was_closed(w->fs))
		w->off = true;
	if (w->guest && (broken || w->off))
		guest_kill(w->guest);
	if (w->guest && !broken && w->deadline) {
		w->down = DOWN_HALT;
		loop_timer_arm(w->deadline, END_LIMIT_MS);
	}
}

static void condev_over(void *user, bool broken, const char *reason)
{
	struct warden *w = user;

	if (broken)
		boot_device_gone(w, "channel device", reason);
}

static size_t condev_in(void *user, const void *p, size_t n)
{
	struct warden *w = user;

	return w->chan ? chan_feed(w->chan, p, n) : n;
}

static void condev_room(void *user)
{
	struct warden *w = user;

	if (w->chan)
		chan_writable(w->chan);
}

static const struct condev_ops condev_table = {
    .data = condev_in, .room = condev_room, .gone = condev_over};

static size_t chan_out(void *user, const void *p, size_t n)
{
	struct warden *w = user;

	return w->condev ? condev_write(w->condev, p, n) : n;
}

static void calm(void *user)
{
	(void)user;
	thin_out();
}

static void on_ready(void *user, uint32_t pid)
{
	struct warden *w = user;
	unsigned char seed[SEED_BYTES];

	(void)pid;
	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed))
		chan_entropy(w->chan, seed, sizeof(seed));
	loop_timer_arm(w->deadline, -1);
	if (!w->calm)
		w->calm = loop_timer_add(w->loop, -1, calm, w);
	loop_timer_arm(w->calm, CALM_MS);
	limits_settle(w);
	warden_enter(w, JAIL_RUNNING, NULL);
	auto_arm(w);
	save_on_up(w, NULL);
}

static void on_main_exit(void *user, int status, int err, const char *why)
{
	struct warden *w = user;

	w->main_over = true;
	w->st.has_exit = true;
	w->st.exit_status = status;
	if (err)
		snprintf(w->st.reason, sizeof(w->st.reason), "the command cannot be run: %s: %s",
			 why, strerror(err));
	warden_announce(w);
}

/*
 * A User-Mode Linux does not always find its way out of reboot(2): after "Power down" it may idle
 * for ever, and what init had written to its port a moment before may be lost with the device. So
 * init waits for us to end it. What the jail wrote is with us by now.
 */
static void on_off(void *user)
{
	struct warden *w = user;

	w->off = true;
	if (w->guest)
		guest_kill(w->guest);
}

/*
 * A kernel that goes down by itself (reboot -f) does not always come to an end: without a patch of
 * ours it waits for requests that were under way at the reset of its devices. What the console says
 * is the guest's, so it only leads to a question.
 */
void boot_farewell(struct warden *w)
{
	int tag = w->farewell || w->st.state != JAIL_RUNNING ? 0 : chan_ping(w->chan);

	if (tag <= 0)
		return;
	w->farewell = (uint32_t)tag;
	loop_timer_arm(w->deadline, FAREWELL_MS);
}

static void on_reply(void *user, uint32_t tag, int err, const void *p, size_t n, bool cut)
{
	struct warden *w = user;

	if (w->farewell && tag == w->farewell) {
		w->farewell = 0;
		if (w->st.state != JAIL_STOPPING)
			loop_timer_arm(w->deadline, -1);
		return;
	}
	if (!save_on_reply(w, tag, err, p, n) && !netwho_on_reply(w, tag, err, p, n))
		verb_on_reply(w, tag, err, p, n, cut);
}

static void on_broken(void *user, const char *reason)
{
	struct warden *w = user;

	note_gone(w, "channel", reason);
	if (w->guest)
		guest_kill(w->guest);
}

static const struct chan_ops chan_table = {
    .send = chan_out,
    .ready = on_ready,
    .main_exit = on_main_exit,
    .off = on_off,
    .name = names_told,
    .exec_started = exec_on_started,
    .exec_failed = exec_on_failed,
    .stream_data = exec_on_data,
    .stream_room = exec_on_room,
    .stream_exit = exec_on_exit,
    .reply = on_reply,
    .broken = on_broken,
};

int boot_listen(const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	unlink(path);
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) || chmod(path, 0666) ||
	    listen(s, 1)) {
		err_sys(e, "%s: cannot listen", path);
		if (s >= 0)
			close(s);
		return -1;
	}
	return s;
}

static int open_devices(struct warden *w, const char *fs_path, const char *chan_path, struct err *e)
{
	struct fsdev_config fc = {
	    .tag = ROOT_TAG, .door = fuse_door_guest(), .on_gone = fs_gone, .user = w};
	int s = boot_listen(fs_path, e);

	if (s < 0)
		return -EIO;
	w->fs = fsdev_new(w->loop, s, w->layer, &fc, e);
	s = w->fs ? boot_listen(chan_path, e) : -1;
	if (s < 0)
		return -EIO;
	w->condev = condev_new(w->loop, s, &condev_table, w, e);
	if (!w->condev)
		return -EIO;
	w->chan = chan_new(&chan_table, w);
	return 0;
}

/* Tells the guest's init who it is; kept by the channel until the guest says hello. */
static int set_up(struct warden *w)
{
	const struct conf *c = &w->conf;
	uint32_t groups[CHAN_MAX_GROUPS];
	struct chan_setup s = {.hostname = c->hostname ? c->hostname : w->jail.name,
			       .flags = (w->idle ? CHAN_IDLE : 0) |
					(c->events_names ? CHAN_TELL_NAMES : 0),
			       .tasks = c->limit_pids,
			       .main = {.argv = (const char *const *)c->command.v,
					.env = (const char *const *)c->env.v,
					.cwd = c->cwd,
					.uid = c->uid,
					.gid = c->gid,
					.groups = groups,
					.term = "xterm-256color",
					.rows = w->st.rows,
					.cols = w->st.cols,
					.flags = c->command.n ? 0 : CHAN_LOGIN}};

	for (size_t i = 0; i < c->groups.n && i < CHAN_MAX_GROUPS; i++)
		groups[s.main.ngroups++] = c->groups.v[i];
	return chan_setup(w->chan, &s);
}

static void on_guest_exit(void *user, int status);

/*
 * A one-CPU guest and its warden hand work to and fro, one waiting for the other: on one CPU that
 * costs a third less than waking another. Held where the scheduler has put us: a new process
 * begins where there is room.
 */
static int choose_cpu(struct warden *w)
{
	cpu_set_t one;
	int cpu;

	sched_setaffinity(0, sizeof(w->cpus), &w->cpus);
	cpu = w->conf.cpus > 1 ? -1 : sched_getcpu();
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return -1;
	CPU_ZERO(&one);
	CPU_SET((unsigned)cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) ? -1 : cpu;
}

static void too_long(void *user)
{
	struct warden *w = user;

	if (!w->guest)
		return;
	if (w->st.state == JAIL_RUNNING && w->farewell) {
		warden_log("the guest's kernel said that it goes, and idles: killing");
		w->off = true;
		guest_kill(w->guest);
		return;
	}
	if (w->st.state != JAIL_BOOTING) {
		down_next(w);
		return;
	}
	note_gone(w, "boot", "the guest was not ready within a minute");
	boot_kill(w, w->errand);
}

static int launch(struct warden *w, struct err *e)
{
	char kernel[PATH_MAX], step[PATH_MAX];
	struct stat st;
	char *fs_path = xasprintf("%s/fs", w->jail.run);
	char *chan_path = xasprintf("%s/chan", w->jail.run);
	char *net_path = NULL;
	int console;
	int ret = need_check(&w->conf, w->jail.name, e);

	if (!ret)
		ret = kernel_find(kernel, sizeof(kernel), e);
	if (!ret)
		ret = probe_step(step, sizeof(step), e);
	if (!ret)
		ret = limits_enter(w, e);
	if (!ret)
		ret = open_devices(w, fs_path, chan_path, e);
	if (!ret)
		ret = net_start(w, &net_path, e);
	if (!ret && w->conf.init && strpbrk(w->conf.init, " \t\n\"'"))
		ret = err_set(e, -EINVAL, "jail.init: %s: blanks and quotes cannot be passed on",
			      w->conf.init);
	if (!ret)
		ret = set_up(w) ? err_set(e, -E2BIG, "command: too long: shorten it in jail.conf")
				: 0;
	if (!ret)
		ret = console_open(w, &console, e);
	if (!ret && fstat(w->jail.dirfd, &st))
		ret = err_sys(e, "%s", w->jail.dir);
	if (!ret) {
		struct guest_config g = {.kernel = kernel,
					 .step = step,
					 .landlock = probe_landlock() > 0,
					 .init = INIT_PATH,
					 .real_init = w->conf.init,
					 .run = w->jail.run,
					 .fs_sock = fs_path,
					 .chan_sock = chan_path,
					 .net_sock = net_path,
					 .net_plan = PLAN_FOR_GUEST,
					 .root_tag = ROOT_TAG,
					 .memory = w->conf.memory,
					 .trusting = w->conf.speed == CONF_TRUSTING,
					 .cpus = w->conf.cpus,
					 .uid = GUEST_UID_BASE + (uid_t)(st.st_ino & 0x0fffffff),
					 .pids = w->conf.limit_pids,
					 .cpu = choose_cpu(w)};
		w->guest = guest_start(w->loop, &g, console, on_guest_exit, w, e);
		ret = w->guest ? 0 : -EIO;
		if (!ret)
			balance_begin(w, g.cpu);
	}
	free(fs_path);
	free(chan_path);
	free(net_path);
	return ret;
}

/* Everything that belonged to the guest that has ended, or that could not be started. */
static void release(struct warden *w)
{
	exec_guest_gone(w);
	names_forget(w);
	verb_guest_gone(w);
	balance_end(w);
	guest_free(w->guest);
	net_stop(w);
	w->guest = NULL;
	fsdev_free(w->fs);
	w->fs = NULL;
	condev_free(w->condev);
	w->condev = NULL;
	chan_free(w->chan);
	w->chan = NULL;
	console_close(w);
	w->st.guest = 0;
	w->st.booted = 0;
	if (w->deadline)
		loop_timer_arm(w->deadline, -1);
}

bool boot_start(struct warden *w, bool idle, struct err *e)
{
	struct conf fresh;

	w->idle = idle;
	w->main_over = w->off = false;
	w->farewell = 0;
	w->down = DOWN_TOLD;
	w->st.rows = w->st.rows ? w->st.rows : CONSOLE_ROWS;
	w->st.cols = w->st.cols ? w->st.cols : CONSOLE_COLS;
	w->errand = ERRAND_NONE;
	w->gone[0] = '\0';
	w->st.has_exit = false;
	int ret = conf_load(w->jail.dirfd, CONF_FILE, &fresh, e);
	if (!ret) {
		conf_free(&w->conf);
		w->conf = fresh;
		/* A stopped jail's layer may still be open under the old jail.conf. */
		put_abort_all(w);
		bring_abort_all(w);
		layers_close(w);
		ret = layers_open(w, e);
	}
	w->st.memory = w->conf.memory;
	w->st.trusting = w->conf.speed == CONF_TRUSTING;
	snprintf(w->st.profile, sizeof(w->st.profile), "%s", conf_profile_name(w->conf.profile));
	snprintf(w->st.note, sizeof(w->st.note), "%s", w->conf.note ? w->conf.note : "");
	if (!ret)
		ret = launch(w, e);
	if (ret) {
		release(w);
		again_plan(w, JAIL_FAILED, 0);
		warden_enter(w, JAIL_FAILED, e->text);
		return false;
	}
	w->st.restart_at = 0;
	if (!w->deadline)
		w->deadline = loop_timer_add(w->loop, -1, too_long, w);
	loop_timer_arm(w->deadline, BOOT_LIMIT_MS);
	w->st.guest = guest_pid(w->guest);
	w->st.booted = time(NULL);
	warden_enter(w, JAIL_BOOTING, NULL);
	return true;
}

/* A jail whose client is gone goes, whatever else was asked for. */
static void set_errand(struct warden *w, enum errand errand)
{
	if (w->errand != ERRAND_DISCARD)
		w->errand = errand;
}

void boot_stop(struct warden *w, enum errand errand, uint32_t grace_ms)
{
	set_errand(w, errand);
	pause_end(w);
	if (boot_is_up(w))
		warden_enter(w, JAIL_STOPPING, NULL);
	down_begin(w, grace_ms);
}

void boot_kill(struct warden *w, enum errand errand)
{
	set_errand(w, errand);
	if (w->guest)
		guest_kill(w->guest);
}

void boot_reap(struct warden *w)
{
	if (w->guest)
		guest_reap(w->guest);
}

/* Why a guest that nobody asked to end has ended. */
static void crash_reason(struct warden *w, int status, char *out, size_t size)
{
	if (w->gone[0])
		snprintf(out, size, "%s", w->gone);
	else if (console_panic(w, out, size))
		return;
	else if (WIFSIGNALED(status))
		snprintf(out, size, "the guest's process was killed by signal %d",
			 WTERMSIG(status));
	else if (WIFEXITED(status) && WEXITSTATUS(status) > 128)
		snprintf(out, size, "the guest's kernel was killed by signal %d",
			 WEXITSTATUS(status) - 128);
	else
		snprintf(out, size,
			 "the guest's kernel ended with status %d: see `gaol attach --last %s`",
			 WIFEXITED(status) ? WEXITSTATUS(status) : -1, w->jail.name);
}

static void on_guest_exit(void *user, int status)
{
	struct warden *w = user;
	enum errand errand = w->errand;
	bool booting = w->st.state == JAIL_BOOTING;
	bool clean = w->off || (WIFEXITED(status) && !WEXITSTATUS(status));
	int64_t ran = time(NULL) - w->st.booted;
	char why[256] = "";
	struct err e;

	/* Last words lie in the console's socket; read them before the reason is looked for. */
	console_close(w);
	if (!errand && (!(w->main_over || clean) || booting))
		crash_reason(w, status, why, sizeof(why));
	release(w);
	w->errand = ERRAND_NONE;
	if (errand == ERRAND_DISCARD) {
		warden_discard(w);
		return;
	}
	if (errand == ERRAND_ROLLBACK) {
		save_on_guest_gone(w);
		return;
	}
	if (errand == ERRAND_RESTART) {
		boot_start(w, w->idle, &e);
		return;
	}
	enum jail_state end = why[0] ? (booting ? JAIL_FAILED : JAIL_CRASHED) : JAIL_STOPPED;
	if (!why[0]) /* of a command that cannot be run; a copy, the status changes under it */
		snprintf(why, sizeof(why), "%s", w->st.reason);
	again_plan(w, end, ran);
	warden_enter(w, end, why[0] ? why : NULL);
	save_on_guest_gone(w);
	warden_maybe_quit(w);
}
