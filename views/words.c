/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/words.h"
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

const char *words_size(uint64_t bytes, char *buf, size_t size)
{
	static const char units[] = "KMGTPE";
	double v = (double)bytes;
	int unit = -1;

	if (bytes < 1000) {
		snprintf(buf, size, "%" PRIu64, bytes);
		return buf;
	}
	/* 999.5 would be shown with four digits: it is one of the next unit */
	while (v >= 999.5 && unit < 5) {
		v /= 1024;
		unit++;
	}
	snprintf(buf, size, v < 9.95 ? "%.1f%c" : "%.0f%c", v, units[unit]);
	return buf;
}

const char *words_age(int64_t seconds, char *buf, size_t size)
{
	static const struct {
		int64_t below, unit;
		char letter;
	} steps[] = {
	    {100, 1, 's'},
	    {100 * 60, 60, 'm'},
	    {48 * 3600, 3600, 'h'},
	    {100 * 86400, 86400, 'd'},
	    {104 * 604800, 604800, 'w'},
	};

	if (seconds < 0)
		seconds = 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (seconds < steps[i].below) {
			snprintf(buf, size, "%" PRId64 "%c", seconds / steps[i].unit,
				 steps[i].letter);
			return buf;
		}
	}
	snprintf(buf, size, "%" PRId64 "y", seconds / (365 * 86400));
	return buf;
}

const char *words_clock(int64_t ns, char *buf, size_t size)
{
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(buf, size, "%H:%M:%S", &tm))
		snprintf(buf, size, "--:--:--");
	return buf;
}

const char *words_mode(mode_t m, char *buf, size_t size)
{
	char type = S_ISDIR(m)	  ? 'd'
		    : S_ISLNK(m)  ? 'l'
		    : S_ISCHR(m)  ? 'c'
		    : S_ISBLK(m)  ? 'b'
		    : S_ISFIFO(m) ? 'p'
		    : S_ISSOCK(m) ? 's'
				  : '-';

	snprintf(buf, size, "%c%c%c%c%c%c%c%c%c%c", type, m & 0400 ? 'r' : '-',
		 m & 0200 ? 'w' : '-', m & 04000 ? (m & 0100 ? 's' : 'S') : (m & 0100 ? 'x' : '-'),
		 m & 040 ? 'r' : '-', m & 020 ? 'w' : '-',
		 m & 02000 ? (m & 010 ? 's' : 'S') : (m & 010 ? 'x' : '-'), m & 04 ? 'r' : '-',
		 m & 02 ? 'w' : '-', m & 01000 ? (m & 01 ? 't' : 'T') : (m & 01 ? 'x' : '-'));
	return buf;
}

const char *words_count(uint64_t n, const char *one, const char *many, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu64 " %s", n, n == 1 ? one : many);
	return buf;
}

size_t words_hex(const char *p, size_t n, size_t off, char *buf)
{
	size_t at = (size_t)sprintf(buf, "%08zx ", off);

	n = n < 16 ? n : 16;
	for (size_t i = 0; i < 16; i++) {
		at += (size_t)sprintf(buf + at, i == 8 ? "  " : " ");
		at += (size_t)sprintf(buf + at, i < n ? "%02x" : "  ",
				      (unsigned char)p[i < n ? i : 0]);
	}
	at += (size_t)sprintf(buf + at, "  ");
	for (size_t i = 0; i < n; i++)
		buf[at++] = p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.';
	return at;
}
