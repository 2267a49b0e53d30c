/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/place.h"
#include "core/buf.h"
#include "tui/cli/sync.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool place_parse(const char *word, struct place *p)
{
	size_t n = strcspn(word, ":/");
	size_t name = strcspn(word, "@:");

	*p = (struct place){0};
	if (word[n] != ':' || word[n + 1] != '/' || name > JAIL_NAME_MAX)
		return false;
	snprintf(p->name, sizeof(p->name), "%.*s", (int)name, word);
	if (!jail_name_ok(p->name))
		return false;
	if (word[name] == '@')
		p->id = xasprintf("%.*s", (int)(n - name - 1), word + name + 1);
	p->path = word + n + 1;
	return true;
}

bool place_parse_jail(const char *word, struct place *p)
{
	size_t n = strcspn(word, "@");

	*p = (struct place){0};
	if (n > JAIL_NAME_MAX)
		return false;
	snprintf(p->name, sizeof(p->name), "%.*s", (int)n, word);
	if (!jail_name_ok(p->name))
		return false;
	if (word[n] == '@')
		p->id = xstrdup(word + n + 1);
	return true;
}

void place_free(struct place *p)
{
	free(p->id);
	*p = (struct place){0};
}

int place_open(struct place_view *v, struct cli *c, const struct place *p, struct err *e)
{
	bool now = !p->id || !strcmp(p->id, "now");

	*v = (struct place_view){.jail.dirfd = -1};
	int ret = cli_jail(c, p->name, &v->jail, e);
	if (ret)
		return ret;
	if (now)
		cli_sync(&v->jail);
	ret = jailview_open(&v->view, &c->places, &v->jail, e);
	if (!ret)
		ret = jailview_side(v->view, now ? "now" : p->id, &v->side, e);
	if (ret)
		place_view_close(v);
	return ret;
}

void place_view_close(struct place_view *v)
{
	if (v->side)
		side_close(v->side);
	jailview_close(v->view);
	jail_close(&v->jail);
	*v = (struct place_view){.jail.dirfd = -1};
}
