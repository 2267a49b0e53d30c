/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/room.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/net/link.h"
#include "core/net/plan.h"
#include "core/vnet.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUEUE_FRAMES 512 /* that wait in a tap at most */

static int put_file(const char *path, const char *text)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -errno;
}

static int map_ids(uid_t uid, gid_t gid)
{
	char line[64];
	int ret = put_file("/proc/self/setgroups", "deny");

	snprintf(line, sizeof(line), "0 %u 1", (unsigned)uid);
	if (!ret || ret == -ENOENT)
		ret = put_file("/proc/self/uid_map", line);
	snprintf(line, sizeof(line), "0 %u 1", (unsigned)gid);
	return ret ? ret : put_file("/proc/self/gid_map", line);
}

int room_enter(uid_t uid, gid_t gid, struct err *e)
{
	if (uid && (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)))
		return err_sys(e, "network: cannot become user %u", (unsigned)uid);
	uid = geteuid();
	gid = getegid();
	/* A process that changed its user is not its own owner in /proc; the maps lie there. */
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return err_sys(e, "network: user and network namespaces");
	int ret = map_ids(uid, gid);
	if (ret) {
		errno = -ret;
		return err_sys(e, "network: the user namespace's map");
	}
	prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

static const char *const settings[][2] = {
    {"/proc/sys/net/ipv4/ip_forward", "1"},
    /* Every refusal is told: who hears nothing tries for a minute. */
    {"/proc/sys/net/ipv4/icmp_ratelimit", "0"},
    {"/proc/sys/net/ipv4/conf/all/rp_filter", "1"},
    {"/proc/sys/net/ipv4/conf/" PLAN_IF_JAIL "/rp_filter", "1"},
    {"/proc/sys/net/ipv4/conf/all/accept_redirects", "0"},
    {"/proc/sys/net/ipv4/conf/" PLAN_IF_JAIL "/accept_redirects", "0"},
    {"/proc/sys/net/ipv4/conf/all/send_redirects", "0"},
    {"/proc/sys/net/ipv4/conf/" PLAN_IF_JAIL "/send_redirects", "0"},
    {"/proc/sys/net/ipv4/conf/" PLAN_IF_JAIL "/accept_source_route", "0"},
    {"/proc/sys/net/ipv4/conf/" PLAN_IF_OUT "/proxy_arp", "1"},
    {"/proc/sys/net/ipv4/neigh/" PLAN_IF_OUT "/proxy_delay", "0"},
};

static const char *const settings6[][2] = {
    {"/proc/sys/net/ipv6/conf/all/forwarding", "1"},
    {"/proc/sys/net/ipv6/icmp/ratelimit", "0"},
    {"/proc/sys/net/ipv6/conf/all/accept_ra", "0"},
    {"/proc/sys/net/ipv6/conf/all/accept_redirects", "0"},
    {"/proc/sys/net/ipv6/conf/" PLAN_IF_JAIL "/accept_ra", "0"},
    {"/proc/sys/net/ipv6/conf/" PLAN_IF_JAIL "/accept_redirects", "0"},
    {"/proc/sys/net/ipv6/conf/" PLAN_IF_JAIL "/accept_dad", "0"},
    {"/proc/sys/net/ipv6/conf/" PLAN_IF_JAIL "/dad_transmits", "0"},
    {"/proc/sys/net/ipv6/conf/" PLAN_IF_OUT "/accept_ra", "0"},
    {"/proc/sys/net/ipv6/conf/" PLAN_IF_OUT "/accept_dad", "0"},
    {"/proc/sys/net/ipv6/conf/" PLAN_IF_OUT "/dad_transmits", "0"},
    {"/proc/sys/net/ipv6/conf/" PLAN_IF_OUT "/proxy_ndp", "1"},
    {"/proc/sys/net/ipv6/neigh/" PLAN_IF_OUT "/proxy_delay", "0"},
};

static int apply(const char *const (*s)[2], size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int ret = put_file(s[i][0], s[i][1]);

		if (ret)
			return err_set(e, ret, "network: %s: %s", s[i][0], strerror(-ret));
	}
	return 0;
}

int room_open_tun(struct err *e)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? err_sys(e, "network: /dev/net/tun") : fd;
}

static int make_tap(int tun, const char *name, bool offload, struct err *e)
{
	cleanup_fd int fd = tun < 0 ? room_open_tun(e) : tun;
	struct ifreq ifr = {.ifr_flags =
				(short)(IFF_TAP | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0))};
	int header = VNET_HEADER, little = 1;

	if (fd < 0)
		return fd;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr))
		return err_sys(e, "network: a tap");
	if (offload && (ioctl(fd, TUNSETVNETHDRSZ, &header) || ioctl(fd, TUNSETVNETLE, &little)))
		return err_sys(e, "network: a tap with offloads");
	return fd_steal(&fd);
}

static int addresses(struct link *l, bool v6, struct err *e)
{
	int ret = link_set(l, PLAN_IF_JAIL, PLAN_MTU, QUEUE_FRAMES, false, e);

	if (!ret)
		ret = link_set(l, PLAN_IF_OUT, PLAN_MTU, QUEUE_FRAMES, false, e);
	if (!ret)
		ret = link_address(l, PLAN_IF_JAIL, PLAN_GATEWAY, PLAN_LINK_BITS, e);
	if (!ret)
		ret = link_address(l, PLAN_IF_OUT, PLAN_OUT, PLAN_NET_BITS, e);
	if (!ret && v6)
		ret = link_address(l, PLAN_IF_JAIL, PLAN_GATEWAY6, PLAN_LINK6_BITS, e);
	if (!ret && v6)
		ret = link_address(l, PLAN_IF_OUT, PLAN_OUT6, PLAN_NET6_BITS, e);
	return ret;
}

int room_build(struct room *r, const int tun[2], struct err *e)
{
	struct link *l = NULL;

	*r = (struct room){.jail = -1, .out = -1};
	r->v6 = !access("/proc/sys/net/ipv6/conf/all/forwarding", F_OK);
	r->jail = make_tap(tun[0], PLAN_IF_JAIL, true, e);
	r->out = r->jail < 0 ? -1 : make_tap(tun[1], PLAN_IF_OUT, false, e);
	int ret = r->out < 0 ? -EIO : link_open(&l, e);
	if (!ret)
		ret = apply(settings, sizeof(settings) / sizeof(settings[0]), e);
	if (!ret && r->v6)
		ret = apply(settings6, sizeof(settings6) / sizeof(settings6[0]), e);
	if (!ret)
		ret = addresses(l, r->v6, e);
	link_close(l);
	if (ret)
		room_close(r);
	return ret;
}

/* Neighbours stand by our word, not by what the guest says about itself. */
static int neighbours(struct link *l, const struct room *r, const uint8_t mac[6], struct err *e)
{
	int ret = link_neighbour(l, PLAN_IF_JAIL, PLAN_GUEST, mac, e);

	if (!ret && r->v6)
		ret = link_neighbour(l, PLAN_IF_JAIL, PLAN_GUEST6, mac, e);
	if (!ret && r->v6)
		ret = link_neighbour(l, PLAN_IF_OUT, PLAN_GUEST6, NULL, e);
	return ret;
}

int room_open(struct room *r, const uint8_t mac[6], struct err *e)
{
	struct link *l;
	int ret = link_open(&l, e);

	if (ret)
		return ret;
	ret = link_set(l, PLAN_IF_JAIL, 0, 0, true, e);
	if (!ret)
		ret = link_set(l, PLAN_IF_OUT, 0, 0, true, e);
	if (!ret)
		ret = neighbours(l, r, mac, e);
	if (!ret)
		ret = link_route(l, PLAN_IF_OUT, PLAN_HOST, e);
	if (!ret && r->v6)
		ret = link_route(l, PLAN_IF_OUT, PLAN_HOST6, e);
	link_close(l);
	return ret;
}

void room_close(struct room *r)
{
	fd_close(&r->jail);
	fd_close(&r->out);
}

/* Rules */

static const char *const tools[2][4] = {
    {"/usr/sbin/iptables-legacy-restore", "/sbin/iptables-legacy-restore",
     "/usr/sbin/iptables-nft-restore", "/usr/sbin/iptables-restore"},
    {"/usr/sbin/ip6tables-legacy-restore", "/sbin/ip6tables-legacy-restore",
     "/usr/sbin/ip6tables-nft-restore", "/usr/sbin/ip6tables-restore"},
};

static _Noreturn void become_tool(const char *path, int in, int out, int lock, bool flush)
{
	char env[64], flag[] = "--noflush", *argv[] = {(char *)(uintptr_t)path, NULL, NULL},
		      *envp[] = {env, NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	/* The tools lock one file for all of the host; our rules are in a namespace of our own. */
	int kept = fcntl(lock, F_DUPFD, 3);
	snprintf(env, sizeof(env), "XTABLES_LOCKFILE=/proc/self/fd/%d", kept);
	if (!flush)
		argv[1] = flag;
	execve(path, argv, envp);
	_exit(127);
}

static int run_tool(const char *path, int in, int out, int lock, bool flush)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		become_tool(path, in, out, lock, flush);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/* The first line that a tool has said. */
static void first_line(int fd, char *out, size_t size)
{
	ssize_t n = pread(fd, out, size - 1, 0);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

int room_rules(bool v6, const char *text, size_t n, bool flush, struct err *e)
{
	cleanup_fd int in = memfd_create("rules", MFD_CLOEXEC), lock = memfd_create("lock", 0);
	char said[256] = "";
	bool any = false;

	if (in < 0 || lock < 0 || fd_write_full(in, text, n))
		return err_sys(e, "network: rules");
	for (size_t i = 0; i < sizeof(tools[0]) / sizeof(tools[0][0]); i++) {
		const char *path = tools[v6][i];
		cleanup_fd int out = memfd_create("said", MFD_CLOEXEC);

		if (access(path, X_OK))
			continue;
		if (out < 0 || lseek(in, 0, SEEK_SET))
			return err_sys(e, "network: rules");
		if (!run_tool(path, in, out, lock, flush))
			return 0;
		if (!any)
			first_line(out, said, sizeof(said));
		any = true;
	}
	if (!any)
		return err_set(e, -ENOENT,
			       "network: iptables is missing: install it, or set net.mode=none");
	return err_set(e, -EIO, "network: the host's kernel takes no packet filter rules: %s",
		       said);
}
