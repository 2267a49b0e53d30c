/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/str.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void str_join(char *out, size_t size, ...)
{
	size_t len = 0;
	const char *s;
	va_list ap;

	va_start(ap, size);
	while ((s = va_arg(ap, const char *)) != NULL) {
		size_t n = strlen(s);

		n = n > size - 1 - len ? size - 1 - len : n;
		memcpy(out + len, s, n);
		len += n;
	}
	va_end(ap);
	out[len] = '\0';
}

char *str_number(char *out, uint64_t v)
{
	char digits[21];
	int n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (int i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	out[n] = '\0';
	return out;
}

bool str_parse(const char **p, uint64_t max, uint64_t *v)
{
	const char *s = *p;
	uint64_t n = 0;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		uint64_t digit = (uint64_t)(*s - '0');

		if (n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*p = s;
	*v = n;
	return true;
}

static long slurp_fd(int fd, char *out, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		ssize_t r = read(fd, out + len, size - 1 - len);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		len += (size_t)r;
	}
	out[len] = '\0';
	return (long)len;
}

long file_slurp(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long r = fd < 0 ? -errno : slurp_fd(fd, out, size);

	if (fd >= 0)
		close(fd);
	return r;
}

char *file_load(const char *path, size_t max)
{
	char *p = malloc(max + 2);
	long n = p ? file_slurp(path, p, max + 2) : -ENOMEM;

	if (n >= 0 && (size_t)n <= max)
		return p;
	free(p);
	errno = n < 0 ? (int)-n : EFBIG;
	return NULL;
}

int file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

void log_line(const char *text, const char *more)
{
	char line[256];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	str_join(line, sizeof(line), "<3>gaol init: ", text, more ? ": " : "", more ? more : "",
		 NULL);
	if (write(fd, line, strlen(line)) < 0)
		(void)errno; /* there is nowhere left to say it */
	close(fd);
}
