/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/publish.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool port(const char *s, uint16_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	unsigned long v = strtoul(s, &end, 10);
	*out = (uint16_t)v;
	return !*end && v >= 1 && v <= 65535;
}

static bool address(struct publish *p, char *s)
{
	size_t n = strlen(s);

	if (s[0] == '[' && s[n - 1] == ']') {
		s[n - 1] = '\0';
		p->family = AF_INET6;
		return inet_pton(AF_INET6, s + 1, p->address) == 1;
	}
	p->family = AF_INET;
	return inet_pton(AF_INET, s, p->address) == 1;
}

bool publish_parse(const char *text, struct publish *out)
{
	char s[128], *slash, *guest, *host;

	*out = (struct publish){0};
	if (snprintf(s, sizeof(s), "%s", text) >= (int)sizeof(s))
		return false;
	slash = strchr(s, '/');
	if (slash) {
		*slash = '\0';
		out->udp = !strcmp(slash + 1, "udp");
		if (!out->udp && strcmp(slash + 1, "tcp") != 0)
			return false;
	}
	guest = strrchr(s, ':');
	if (!guest)
		return false;
	*guest++ = '\0';
	host = strrchr(s, ':');
	if (host)
		*host++ = '\0';
	else
		host = s;
	char local[] = "127.0.0.1";
	return port(guest, &out->guest) && port(host, &out->host) &&
	       address(out, host == s ? local : s);
}
