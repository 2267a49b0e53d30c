/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/sockets.h"
#include "guest/str.h"
#include "guest/watch.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 256 /* the kernel's are 150 bytes at most, of IPv6 */, INODE = 9 /* a column */ };

/* A number in capital hexadecimal digits, which moves *p behind it. */
static bool take_hex(const char **p, int digits, uint32_t *v)
{
	*v = 0;
	for (int i = 0; i < digits; i++, (*p)++) {
		char c = **p;

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')))
			return false;
		*v = *v << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
	}
	return true;
}

/* "0100007F:0050", or with 32 digits of IPv6: words as they lie in the machine's memory. */
static bool take_end(const char **p, bool v6, uint32_t addr[4], uint32_t *port)
{
	uint32_t mapped[4] = {0, 0, htonl(0xffff), 0};

	memcpy(addr, mapped, sizeof(mapped));
	for (int i = v6 ? 0 : 3; i < 4; i++)
		if (!take_hex(p, 8, &addr[i]))
			return false;
	return *(*p)++ == ':' && take_hex(p, 4, port);
}

static const char *column(const char *line, int n)
{
	for (line += strspn(line, " "); n; n--) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

static bool is_nowhere(const uint32_t addr[4])
{
	return !addr[0] && !addr[1] && (!addr[2] || addr[2] == htonl(0xffff)) && !addr[3];
}

static bool meant(const struct wanted *w, uint32_t local, const uint32_t addr[4], uint32_t remote)
{
	if (w->local != local)
		return false;
	if (!memcmp(w->addr, addr, sizeof(w->addr)) &&
	    (w->remote == remote || w->proto == IPPROTO_ICMP))
		return true;
	return w->proto != IPPROTO_TCP && is_nowhere(addr) && !remote;
}

static void take_line(struct sockets *s, const char *line, uint8_t proto, bool v6)
{
	uint32_t ends[2][4], ports[2];
	const char *at = column(line, 1);
	uint64_t inode;

	if (!take_end(&at, v6, ends[0], &ports[0]) || *at++ != ' ' ||
	    !take_end(&at, v6, ends[1], &ports[1]))
		return;
	at = column(line, INODE);
	if (!str_parse(&at, UINT64_MAX, &inode))
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].proto == proto && !s->v[i].inode &&
		    meant(&s->v[i], ports[0], ends[1], ports[1]))
			s->v[i].inode = inode;
}

/* Lines are cut from what was read; one that is too long is none of the kernel's. */
static void read_table(struct sockets *s, const char *path, uint8_t proto, bool v6, int64_t end)
{
	char text[4096];
	size_t len = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && now_ms() < end &&
	       (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
		char *at = text, *nl;

		len += (size_t)n;
		text[len] = '\0';
		while ((nl = strchr(at, '\n')) != NULL) {
			*nl = '\0';
			if (nl - at < LINE)
				take_line(s, at, proto, v6);
			at = nl + 1;
		}
		len -= (size_t)(at - text);
		memmove(text, at, len);
		if (len > LINE)
			len = 0;
	}
	if (fd >= 0)
		close(fd);
}

static void take_wanted(struct wanted *w, const unsigned char *p)
{
	w->proto = p[0] == IPPROTO_ICMPV6 ? IPPROTO_ICMP : p[0];
	w->local = chan_get16(p + 2);
	w->remote = chan_get16(p + 4);
	if (p[1] == 6) {
		memcpy(w->addr, p + 8, sizeof(w->addr));
	} else {
		w->addr[2] = htonl(0xffff);
		memcpy(&w->addr[3], p + 8, sizeof(w->addr[3]));
	}
}

void sockets_find(struct sockets *s, const unsigned char *p, size_t n, int64_t end)
{
	static const struct {
		uint8_t proto;
		bool v6;
		const char *path;
	} tables[] = {
	    {.proto = IPPROTO_TCP, .path = "/proc/net/tcp"},
	    {.proto = IPPROTO_TCP, .v6 = true, .path = "/proc/net/tcp6"},
	    {.proto = IPPROTO_UDP, .path = "/proc/net/udp"},
	    {.proto = IPPROTO_UDP, .v6 = true, .path = "/proc/net/udp6"},
	    {.proto = IPPROTO_ICMP, .path = "/proc/net/icmp"},
	    {.proto = IPPROTO_ICMP, .v6 = true, .path = "/proc/net/icmp6"},
	};

	*s = (struct sockets){.n = n < CHAN_MAX_SOCKETS ? n : CHAN_MAX_SOCKETS};
	for (size_t i = 0; i < s->n; i++)
		take_wanted(&s->v[i], p + i * CHAN_SOCKET);
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		bool any = false;

		for (size_t i = 0; i < s->n; i++)
			any = any || s->v[i].proto == tables[t].proto;
		if (any)
			read_table(s, tables[t].path, tables[t].proto, tables[t].v6, end);
	}
}

int sockets_by_inode(const struct sockets *s, uint64_t inode)
{
	for (size_t i = 0; inode && i < s->n; i++)
		if (s->v[i].inode == inode)
			return (int)i;
	return -1;
}

bool sockets_missing(const struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].inode && !s->v[i].found)
			return true;
	return false;
}
