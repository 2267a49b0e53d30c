/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/launch.h"
#include "tui/cli/cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

json_t *launch_new(void)
{
	json_t *o = json_object();
	const char *term = getenv("TERM");
	json_t *t = term ? json_string(term) : NULL;

	json_object_set_new(o, "argv", json_array());
	json_object_set_new(o, "env", json_array());
	if (t)
		json_object_set_new(o, "term", t);
	return o;
}

static json_t *text(const char *value, const struct verb *v)
{
	json_t *s = json_string(value);

	if (!s)
		cli_usage(v, "%s: not UTF-8, which is all that can be passed on", value);
	return s;
}

bool launch_set(json_t *args, const char *key, const char *value, const struct verb *v)
{
	json_t *s = text(value, v);

	return s && !json_object_set_new(args, key, s);
}

bool launch_add(json_t *args, const char *list, const char *value, const struct verb *v)
{
	json_t *s = text(value, v);

	return s && !json_array_append_new(json_object_get(args, list), s);
}

/* init says what it could not do: "exec /bin/x: ...", "cwd /x: ..." (guest/launch.c). */
int launch_failed(int ret, const struct err *e)
{
	static const char word[] = "exec ";
	struct err shown;

	if (strncmp(e->text, word, sizeof(word) - 1) != 0)
		return cli_fail(e);
	err_set(&shown, 0, "%s", e->text + sizeof(word) - 1);
	err_print(&shown);
	return ret == -ENOENT ? 127 : 126;
}
