/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/sync.h"
#include "core/client.h"
#include <stdio.h>

void cli_sync_client(struct client *c, const char *name)
{
	json_t *result = NULL;
	struct err e;

	if (client_call(c, "sync", NULL, -1, &result, NULL, NULL, &e))
		err_print(&e);
	else if (!json_is_true(json_object_get(result, "synced")))
		fprintf(stderr,
			"gaol: %s: the guest did not sync: what it has not written yet is not "
			"seen\n",
			name);
	json_decref(result);
}

void cli_sync(const struct jail *j)
{
	struct client *c;

	if (client_connect(&c, j, NULL))
		return;
	cli_sync_client(c, j->name);
	client_free(c);
}
