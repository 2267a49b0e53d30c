/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/err.h"
#include "core/buf.h"
#include "core/text.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int ret, const char *fmt, ...)
{
	if (e) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
	}
	return ret;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int code = errno;

	if (e) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
		size_t n = strlen(e->text);
		snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(code));
	}
	return -code;
}

void err_print(const struct err *e)
{
	struct buf b = {0};

	buf_str(&b, "gaol: ");
	text_escape(&b, e->text, strlen(e->text), TEXT_BACKSLASH);
	fprintf(stderr, "%s\n", buf_cstr(&b));
	buf_free(&b);
}
