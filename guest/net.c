/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/net.h"
#include "guest/str.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CARD "eth0"

/* One family's part of gaol.net. */
struct plan {
	char *address, *gateway;
	uint64_t bits;
};

/* Cuts the next ADDRESS/BITS,GATEWAY off *at; 0 when there is none. */
static int next_plan(char **at, struct plan *p)
{
	const char *bits;

	p->address = *at;
	p->gateway = strchr(*at, ',');
	if (!p->gateway)
		return 0;
	*p->gateway++ = '\0';
	*at = p->gateway + strcspn(p->gateway, ",");
	if (**at)
		*(*at)++ = '\0';
	bits = strchr(p->address, '/');
	if (!bits)
		return 0;
	p->address[bits - p->address] = '\0';
	bits++;
	return str_parse(&bits, 128, &p->bits);
}

static int set4(int fd, const struct plan *p)
{
	struct ifreq ifr = {.ifr_name = CARD};
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct rtentry r = {.rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = ifr.ifr_name};

	if (p->bits > 32 || inet_pton(AF_INET, p->address, &a.sin_addr) != 1)
		return -EINVAL;
	memcpy(&ifr.ifr_addr, &a, sizeof(a));
	if (ioctl(fd, SIOCSIFADDR, &ifr) < 0)
		return -errno;
	a.sin_addr.s_addr = htonl(p->bits ? UINT32_MAX << (32 - p->bits) : 0);
	memcpy(&ifr.ifr_netmask, &a, sizeof(a));
	if (ioctl(fd, SIOCSIFNETMASK, &ifr) < 0)
		return -errno;
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return -errno;
	if (inet_pton(AF_INET, p->gateway, &a.sin_addr) != 1)
		return -EINVAL;
	memcpy(&r.rt_gateway, &a, sizeof(a));
	r.rt_dst.sa_family = r.rt_genmask.sa_family = AF_INET;
	return ioctl(fd, SIOCADDRT, &r) < 0 ? -errno : 0;
}

static int set6(int fd, int index, const struct plan *p)
{
	struct in6_ifreq a = {.ifr6_prefixlen = (uint32_t)p->bits, .ifr6_ifindex = index};
	struct in6_rtmsg r = {
	    .rtmsg_flags = RTF_UP | RTF_GATEWAY, .rtmsg_metric = 1024, .rtmsg_ifindex = index};

	if (inet_pton(AF_INET6, p->address, &a.ifr6_addr) != 1 ||
	    inet_pton(AF_INET6, p->gateway, &r.rtmsg_gateway) != 1)
		return -EINVAL;
	if (ioctl(fd, SIOCSIFADDR, &a) < 0 || ioctl(fd, SIOCADDRT, &r) < 0)
		return -errno;
	return 0;
}

/* Nobody else is on the link: no questions whether an address is taken, no routers to hear of. */
static void settle(void)
{
	file_put("/proc/sys/net/ipv6/conf/" CARD "/accept_dad", "0");
	file_put("/proc/sys/net/ipv6/conf/" CARD "/dad_transmits", "0");
	file_put("/proc/sys/net/ipv6/conf/" CARD "/accept_ra", "0");
	file_put("/proc/sys/net/ipv6/conf/" CARD "/router_solicitations", "0");
	/* Who may send an echo request without rights: everybody, as on Debian. */
	file_put("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

static void set_card(char *text)
{
	int fd4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int index = (int)if_nametoindex(CARD);
	struct plan p;

	if (!index) {
		log_line("no network card", NULL);
	} else {
		settle();
		if (!next_plan(&text, &p) || set4(fd4, &p) < 0)
			log_line("network: IPv4", NULL);
		if (fd6 >= 0 && next_plan(&text, &p) && set6(fd6, index, &p) < 0)
			log_line("network: IPv6", NULL);
	}
	if (fd4 >= 0)
		close(fd4);
	if (fd6 >= 0)
		close(fd6);
}

void net_make(void)
{
	static const char name[] = " gaol.net=";
	char cmdline[4096];
	char *at;

	if (file_slurp("/proc/cmdline", cmdline, sizeof(cmdline)) < 0)
		return;
	at = strstr(cmdline, name);
	if (!at)
		return;
	at += sizeof(name) - 1;
	at[strcspn(at, " \n")] = '\0';
	set_card(at);
}
