/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which program of the guest's wants onto the network: the room knows the ends of a connection,
 * only the guest's init can say whose they are. What it says is hearsay, for people to read: it
 * decides nothing, is bounded, and a guest that does not answer holds up no verdict.
 */
#include "core/buf.h"
#include "core/chan.h"
#include "core/net/judge.h"
#include "core/net/net.h"
#include "core/text.h"
#include "core/warden/wnet.h"
#include <string.h>

static void tell(struct wnet *n, json_t *list)
{
	json_t *o = json_pack("{s:o}", "who", list);

	if (n->room >= 0)
		proto_send_json(n->room, NET_TOLD, 0, o, -1);
	json_decref(o);
}

static bool take(const json_t *v, struct chan_socket *out)
{
	const char *text = json_string_value(json_object_get(v, "address"));
	struct naddr a;

	if (!text || !naddr_parse(text, &a))
		return false;
	*out = (struct chan_socket){
	    .proto = (uint8_t)json_integer_value(json_object_get(v, "proto")),
	    .v6 = a.v6,
	    .local = (uint16_t)json_integer_value(json_object_get(v, "from")),
	    .remote = (uint16_t)json_integer_value(json_object_get(v, "port"))};
	memcpy(out->addr, a.a, sizeof(out->addr));
	return true;
}

void netwho_ask(struct warden *w, const json_t *o)
{
	struct chan_socket v[CHAN_MAX_SOCKETS];
	struct wnet *n = w->net;
	const json_t *one;
	size_t i;

	if (n->who_tag)
		return;
	n->nwho = 0;
	json_array_foreach(json_object_get(o, "who"), i, one)
	{
		if (n->nwho == CHAN_MAX_SOCKETS || !take(one, &v[n->nwho]))
			break;
		n->who[n->nwho++] = json_integer_value(json_object_get(one, "id"));
	}
	int tag = n->nwho && w->chan ? chan_owners(w->chan, v, n->nwho) : -1;
	n->who_tag = tag > 0 ? (uint32_t)tag : 0;
	if (tag <= 0)
		tell(n, json_array());
}

/* As much of foreign bytes as is whole UTF-8 and fits; a NUL between arguments is a blank. */
static json_t *words(const char *p, size_t n, size_t max)
{
	struct buf b = {0};
	uint32_t cp;
	size_t len;

	while (n && !p[n - 1])
		n--;
	for (size_t at = 0; at < n && b.len < max; at += len) {
		len = p[at] ? text_decode(p + at, n - at, &cp) : 0;
		if (b.len + len > max)
			break;
		if (len)
			buf_add(&b, p + at, len);
		else
			buf_str(&b, p[at] ? "?" : " ");
		len = len ? len : 1;
	}
	json_t *s = json_stringn(buf_cstr(&b), b.len);
	buf_free(&b);
	return s;
}

static json_t *owner(int64_t id, const struct chan_proc *pr)
{
	json_t *command = pr->cmdline_len ? words(pr->cmdline, pr->cmdline_len, JUDGE_COMMAND_MAX)
					  : words(pr->comm, pr->comm_len, JUDGE_COMMAND_MAX);

	return json_pack("{s:I, s:I, s:I, s:o, s:o}", "id", (json_int_t)id, "pid",
			 (json_int_t)pr->pid, "uid", (json_int_t)pr->uid, "comm",
			 words(pr->comm, pr->comm_len, EVENT_COMM_MAX), "command", command);
}

bool netwho_on_reply(struct warden *w, uint32_t tag, int err, const void *p, size_t n)
{
	struct wnet *net = w->net;
	struct chan_proc pr;
	size_t pos = 0, at, told = 0;

	if (!net || !net->who_tag || net->who_tag != tag)
		return false;
	net->who_tag = 0;
	json_t *list = json_array();
	while (!err && told++ < net->nwho &&
	       chan_owners_next(p, n, &pos, net->nwho, &at, &pr) == 1)
		json_array_append_new(list, owner(net->who[at], &pr));
	tell(net, list);
	return true;
}
