/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes keys files: any text is read, every bad line is told, look-ups stay in bounds. */
#include "keymaps/keymap.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void tell(void *user, const char *text)
{
	int *told = user;

	(*told)++;
	if (!*text)
		abort();
}

static bool look_up(void *user, const struct keymap_binding *b)
{
	const struct keymap *km = user;
	const struct keymap_binding *got;
	char text[128];

	key_seq_text(b->keys, b->nkeys, text, sizeof(text));
	if (!text[0] || !command_get(b->command)->name || !b->args || !b->file)
		abort();
	/* what is bound in a view is found in it */
	if (keymap_lookup(km, b->view, b->keys, b->nkeys, &got) != KEYMAP_HIT || got != b)
		abort();
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	struct keymap *km = keymap_new();
	int told = 0, bad;

	if (!text)
		abort();
	memcpy(text, data, n);
	text[n] = '\0';
	/* no file of this machine is to be read */
	for (char *p = text; (p = strstr(p, "include"));)
		*p = 'x';
	bad = keymap_load_text(km, "fuzz", text, tell, &told);
	if (bad != told)
		abort();
	keymap_each(km, look_up, km);
	keymap_free(km);
	free(text);
	return 0;
}
