/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes jail.conf: what is accepted must come back the same when it is written and read again.
 *
 *   clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. -o build/fuzz_conf
 *\
 *	fuzz/fuzz_conf.c core/conf*.c core/ini.c core/layer/authority.c core/buf.c core/err.c \
 *	core/fd.c core/text.c
 *   build/fuzz_conf -max_len=8192 fuzz/corpus/conf
 */
#include "core/buf.h"
#include "core/conf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A refusal says where: callers print it and the admin looks there. */
static void check_refusal(const struct err *e)
{
	if (strncmp(e->text, "jail.conf:", 10) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf once = {0}, twice = {0};
	struct authority *a = NULL;
	struct conf c, again;
	struct err e = {""};

	if (conf_parse((const char *)data, n, "jail.conf", &c, &e) != 0) {
		check_refusal(&e);
		return 0;
	}
	conf_write(&c, &once);
	if (conf_parse(once.p, once.len, "again", &again, &e) != 0) {
		fprintf(stderr, "%s\n%s\n", e.text, once.p);
		abort();
	}
	conf_write(&again, &twice);
	if (once.len != twice.len || memcmp(once.p, twice.p, once.len) != 0)
		abort();
	if (conf_authority(&c, &a, &e) == 0)
		authority_free(a);
	conf_free(&c);
	conf_free(&again);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
