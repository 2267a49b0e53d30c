/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/pcapng.h"
#include "core/buf.h"
#include <endian.h>
#include <string.h>

enum {
	SECTION = 0x0a0d0d0a,
	INTERFACE = 1,
	PACKET = 6,
	MAGIC = 0x1a2b3c4d,
	ETHERNET = 1, /* LINKTYPE_ETHERNET */
	OPT_END = 0,
	OPT_NAME = 2,	    /* of an interface */
	OPT_RESOLUTION = 9, /* of its times */
	OPT_FLAGS = 2,	    /* of a packet */
	INWARD = 1,
	OUTWARD = 2,
};

static void put16(struct buf *b, uint16_t v)
{
	v = htole16(v);
	buf_add(b, &v, sizeof(v));
}

static void put32(struct buf *b, uint32_t v)
{
	v = htole32(v);
	buf_add(b, &v, sizeof(v));
}

static void pad(struct buf *b, size_t n)
{
	buf_add(b, "\0\0\0", (4 - n % 4) % 4);
}

static void option(struct buf *b, uint16_t code, const void *p, size_t n)
{
	put16(b, code);
	put16(b, (uint16_t)n);
	buf_add(b, p, n);
	pad(b, n);
}

static size_t begin(struct buf *b, uint32_t type)
{
	size_t at = b->len;

	put32(b, type);
	put32(b, 0);
	return at;
}

/* The length of a block stands at both of its ends. */
static void end(struct buf *b, size_t at)
{
	uint32_t n = htole32((uint32_t)(b->len - at + 4));

	memcpy(b->p + at + 4, &n, sizeof(n));
	buf_add(b, &n, sizeof(n));
}

void pcapng_begin(struct buf *out, const char *name)
{
	size_t at = begin(out, SECTION);

	put32(out, MAGIC);
	put16(out, 1);
	put16(out, 0);
	put32(out, UINT32_MAX); /* length of the section: not known */
	put32(out, UINT32_MAX);
	end(out, at);
	at = begin(out, INTERFACE);
	put16(out, ETHERNET);
	put16(out, 0);
	put32(out, 0); /* frames are whole */
	option(out, OPT_NAME, name, strlen(name));
	option(out, OPT_RESOLUTION, "\x09", 1);
	option(out, OPT_END, "", 0);
	end(out, at);
}

void pcapng_frame(struct buf *out, bool sent, const struct iovec *iov, unsigned n, size_t len,
		  uint64_t time_ns)
{
	size_t at = begin(out, PACKET);
	uint32_t flags = htole32(sent ? OUTWARD : INWARD);

	put32(out, 0); /* the interface */
	put32(out, (uint32_t)(time_ns >> 32));
	put32(out, (uint32_t)time_ns);
	put32(out, (uint32_t)len);
	put32(out, (uint32_t)len);
	for (unsigned i = 0; i < n; i++)
		buf_add(out, iov[i].iov_base, iov[i].iov_len);
	pad(out, len);
	option(out, OPT_FLAGS, &flags, sizeof(flags));
	option(out, OPT_END, "", 0);
	end(out, at);
}
