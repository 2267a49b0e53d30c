/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/text.h"
#include "core/warden/internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAKE_EVERY_MS 10

void warden_log(const char *fmt, ...)
{
	struct buf text = {0}, line = {0};
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&text, fmt, ap);
	va_end(ap);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	buf_fmt(&line, "%s ", stamp);
	text_escape(&line, buf_cstr(&text), text.len, TEXT_BACKSLASH);
	buf_ch(&line, '\n');
	ssize_t put = write(STDERR_FILENO, line.p, line.len);
	(void)put; /* a log on a full disk must not end the warden */
	buf_free(&text);
	buf_free(&line);
}

void warden_announce(struct warden *w)
{
	if (w->discarded)
		return;
	w->st.events = w->ring ? ring_last(w->ring) : 0;
	limits_status(w);
	int ret = jail_status_write(&w->jail, &w->st);
	if (ret)
		warden_log("state cannot be written: %s", strerror(-ret));
	json_t *o = jail_status_to_json(&w->st);
	for (struct peer *p = w->peers, *next; p; p = next) {
		next = p->next;
		if (p->watching)
			peer_send_json(w, p, PROTO_STATUS, 0, o, -1);
	}
	json_decref(o);
}

void warden_enter(struct warden *w, enum jail_state s, const char *reason)
{
	w->st.state = s;
	w->st.since = time(NULL);
	if (s != JAIL_STOPPING)
		snprintf(w->st.reason, sizeof(w->st.reason), "%s", reason ? reason : "");
	warden_log("%s%s%s", jail_state_name(s), reason ? ": " : "", reason ? reason : "");
	warden_event(w, EVENT_STATE, 0, jail_state_name(s), reason);
	warden_announce(w);
	verb_state_changed(w);
}

void warden_event(struct warden *w, unsigned op, uint64_t bytes, const char *text,
		  const char *text2)
{
	struct event ev = {.op = (uint16_t)op,
			   .class = EVENT_JAIL,
			   .bytes = bytes,
			   .path = text ? text : "",
			   .path_len = text ? strlen(text) : 0,
			   .path2 = text2,
			   .path2_len = text2 ? strlen(text2) : 0};

	if (!w->ring)
		return;
	ring_push(w->ring, &ev);
	warden_ring_grew(w);
}

static void wake(void *user)
{
	struct warden *w = user;
	uint64_t last = ring_last(w->ring);

	w->wake_due = false;
	w->last_wake = loop_now_ms();
	for (struct peer *p = w->peers, *next; p; p = next) {
		next = p->next;
		if (!p->armed || last <= p->arm_seq)
			continue;
		p->armed = false;
		peer_send(w, p, PROTO_WAKE, 0, &last, sizeof(last), -1);
	}
}

void warden_ring_grew(struct warden *w)
{
	bool armed = false;

	events_grew(w);
	if (w->wake_due)
		return;
	for (struct peer *p = w->peers; p && !armed; p = p->next)
		armed = p->armed;
	if (!armed)
		return;
	int64_t since = loop_now_ms() - w->last_wake;
	w->wake_due = true;
	if (!w->wake_timer)
		w->wake_timer = loop_timer_add(w->loop, 0, wake, w);
	loop_timer_arm(w->wake_timer, since >= WAKE_EVERY_MS ? 0 : WAKE_EVERY_MS - since);
}
