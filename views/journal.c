/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/journal.h"
#include "core/buf.h"
#include <stdlib.h>
#include <time.h>

struct list {
	struct journal_entry v[JOURNAL_MAX]; /* position modulo JOURNAL_MAX */
	uint64_t end;
};

struct journal {
	struct list lists[2];
};

struct journal *journal_new(void)
{
	return xcalloc(1, sizeof(struct journal));
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	for (int l = 0; l < 2; l++)
		for (size_t i = 0; i < JOURNAL_MAX; i++)
			free(j->lists[l].v[i].text);
	free(j);
}

void journal_add(struct journal *j, enum journal_kind kind, const char *text)
{
	struct list *l = &j->lists[kind == JOURNAL_COMMAND ? JOURNAL_COMMANDS : JOURNAL_MESSAGES];
	struct journal_entry *e = &l->v[l->end++ % JOURNAL_MAX];

	free(e->text);
	*e = (struct journal_entry){.time = time(NULL), .kind = kind, .text = xstrdup(text)};
}

uint64_t journal_first(const struct journal *j, enum journal_list l)
{
	uint64_t end = j->lists[l].end;

	return end > JOURNAL_MAX ? end - JOURNAL_MAX : 0;
}

uint64_t journal_end(const struct journal *j, enum journal_list l)
{
	return j->lists[l].end;
}

const struct journal_entry *journal_at(const struct journal *j, enum journal_list l, uint64_t pos)
{
	return &j->lists[l].v[pos % JOURNAL_MAX];
}
