/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/lookin.h"
#include "core/buf.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct lookin {
	const struct jail_places *places;
	char name[JAIL_NAME_MAX + 1];
	char word[64], label[64];
	pthread_mutex_t lock; /* over what follows */
	struct jail jail;
	bool found; /* jail is open */
	struct jailview *view;
	struct side *side;
	int users; /* only the loop's thread counts */
};

struct lookin *lookin_new(const struct jail_places *places, const char *jail, const char *word)
{
	struct lookin *l = xcalloc(1, sizeof(*l));

	l->places = places;
	l->users = 1;
	snprintf(l->name, sizeof(l->name), "%s", jail);
	snprintf(l->word, sizeof(l->word), "%s", word);
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

struct lookin *lookin_share(struct lookin *l)
{
	l->users++;
	return l;
}

void lookin_leave(struct lookin *l)
{
	if (!l || --l->users)
		return;
	side_close(l->side);
	if (l->view)
		jailview_close(l->view);
	if (l->found)
		jail_close(&l->jail);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static int open_side(struct lookin *l, struct err *e)
{
	struct checkpoint c = {0};
	struct side_id id;
	int ret = l->found ? 0 : jail_open(&l->jail, l->places, l->name, e);

	if (ret)
		return ret;
	l->found = true;
	if (!l->view)
		ret = jailview_open(&l->view, l->places, &l->jail, e);
	if (!ret)
		ret = jailview_resolve(l->view, l->word, &id, &c, e);
	if (ret)
		return ret;
	if (id.kind == SIDE_CHECKPOINT)
		snprintf(l->label, sizeof(l->label), "#%u", c.number);
	else
		snprintf(l->label, sizeof(l->label), "%s", l->word);
	checkpoint_free(&c);
	return jailview_side(l->view, l->word, &l->side, e);
}

struct side *lookin_lock(struct lookin *l, struct err *e)
{
	pthread_mutex_lock(&l->lock);
	if (l->side || !open_side(l, e))
		return l->side;
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

void lookin_unlock(struct lookin *l)
{
	pthread_mutex_unlock(&l->lock);
}

const char *lookin_label(const struct lookin *l)
{
	return l->label;
}
