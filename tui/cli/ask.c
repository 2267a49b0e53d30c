/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "core/fd.h"
#include "core/loop.h"
#include "tui/cli/cli.h"
#include <errno.h>

static int take(const struct client_msg *m, json_t **result, struct err *e)
{
	json_t *o = proto_json(m->data, m->len);
	const char *why = json_string_value(json_object_get(o, "error"));

	if (m->head.type == PROTO_RESULT && o) {
		*result = o;
		return 0;
	}
	err_set(e, 0, "%s", why ? why : "the warden refused");
	json_decref(o);
	return -EIO;
}

int cli_ask_guest(struct client *client, const char *verb, int ms, struct json_t **result,
		  struct err *e)
{
	int tag = client_send_call(client, verb, NULL);
	int64_t until = loop_now_ms() + ms;
	struct client_msg m;

	*result = NULL;
	while (tag > 0) {
		int ret = client_next(client, &m);
		if (ret < 0)
			break;
		if (!ret) {
			int64_t left = until - loop_now_ms();
			if (left <= 0)
				return err_set(e, -ETIMEDOUT,
					       "the guest does not answer: `gaol "
					       "attach` shows what it is doing");
			client_wait(client, (int)left);
			continue;
		}
		fd_close(&m.fd);
		if (m.head.tag == (uint32_t)tag &&
		    (m.head.type == PROTO_RESULT || m.head.type == PROTO_ERROR))
			return take(&m, result, e);
	}
	return err_set(e, -EPIPE, "the warden is gone: see the jail's log");
}
