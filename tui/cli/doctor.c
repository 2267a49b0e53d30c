/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/doctor.h"
#include "core/client.h"
#include "core/conf.h"
#include "core/fd.h"
#include "core/loop.h"
#include "tui/cli/cli.h"
#include "tui/cli/confopts.h"
#include "tui/cli/out.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_JSON = CLI_LONG };
static const struct cli_opt opts[] = {
    {.key = OPT_JSON, .name = "json", .help = "Prints an array of objects."}, {0}};

/* Waits for the answer to a call until the deadline. */
static int await_start(struct client *c, uint32_t tag, int64_t deadline, struct err *e)
{
	struct client_msg m;

	for (;;) {
		int64_t left = deadline - loop_now_ms();
		int ret = client_next(c, &m);
		if (ret < 0)
			return err_set(e, ret, "the warden ended");
		if (!ret && (left <= 0 || client_wait(c, (int)left) < 0))
			return err_set(e, -ETIMEDOUT, "it did not come up in time");
		if (!ret)
			continue;
		fd_close(&m.fd);
		if (m.head.tag != tag)
			continue;
		if (m.head.type == PROTO_RESULT)
			return 0;
		if (m.head.type == PROTO_ERROR) {
			json_t *o = proto_json(m.data, m.len);
			const char *why = json_string_value(json_object_get(o, "error"));
			err_set(e, 0, "%s", why ? why : "it failed without a reason");
			json_decref(o);
			return -EIO;
		}
	}
}

static int boot_jail(struct jail *j, int deadline_ms, struct err *e)
{
	int64_t deadline = loop_now_ms() + deadline_ms;
	struct client *c;

	int ret = client_spawn(&c, j, true, e);
	if (ret)
		return ret;
	int tag = client_send_call(c, "start", json_pack("{s:b}", "idle", 1));
	ret = tag < 0 ? err_set(e, tag, "the warden ended") : 0;
	if (!ret)
		ret = await_start(c, (uint32_t)tag, deadline, e);
	if (!client_call(c, "discard", NULL, -1, NULL, NULL, NULL, NULL))
		cli_await_end(c);
	client_free(c);
	return ret;
}

/* Boots the image in a throw-away jail: what a start does, walls included. */
static int boot(void *user, const char *kernel, int deadline_ms, struct err *e)
{
	struct cli *c = user;
	char name[JAIL_NAME_MAX + 1];
	struct conf conf;
	struct jail j;

	setenv("GAOL_KERNEL", kernel, 1);
	jail_random_name(name);
	conf_init(&conf);
	int ret = confopts_create(c, name, &conf, true, e);
	conf_free(&conf);
	if (!ret)
		ret = cli_jail(c, name, &j, e);
	if (ret)
		return ret;
	ret = boot_jail(&j, deadline_ms, e);
	cleanup_fd int lock = jail_lock(&j);
	if (lock >= 0) /* there was no warden to remove it */
		jail_remove(&j, NULL);
	jail_close(&j);
	return ret;
}

static json_t *to_json(const struct doctor_check *k)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(k->name));
	json_object_set_new(o, "status", json_string(doctor_status_name(k->status)));
	json_object_set_new(o, "detail", out_json_text(k->detail, strlen(k->detail)));
	json_object_set_new(o, "remedy", out_json_text(k->remedy, strlen(k->remedy)));
	return o;
}

static void tell(void *user, const struct doctor_check *k)
{
	bool colour = out_colour(stdout);
	const char *on = k->status == DOCTOR_OK	    ? "\033[32m"
			 : k->status == DOCTOR_WARN ? "\033[33m"
						    : "\033[31m";

	printf("%s%-4s%s  %s: ", colour ? on : "", doctor_status_name(k->status),
	       colour ? "\033[m" : "", k->name);
	out_text(stdout, k->detail);
	if (k->remedy[0]) {
		fputs(": ", stdout);
		out_text(stdout, k->remedy);
	}
	putchar('\n');
	fflush(stdout);
}

static int doctor(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct doctor_check checks[DOCTOR_MAX];
	bool json = false;
	struct cli_args a;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		json = true;
	if (key || !cli_operands(&a, 0, 0))
		return a.status;
	if (cli_places(c, &e))
		return cli_fail(&e);
	struct doctor_config dc = {.home = c->places.home, .boot = boot, .user = c};
	size_t n = doctor_run(&dc, checks, DOCTOR_MAX, json ? NULL : tell, NULL);
	struct json_list list = {0};
	for (size_t i = 0; json && i < n; i++)
		out_json_item(&list, to_json(&checks[i]));
	if (json)
		out_json_end(&list);
	return doctor_can_run(checks, n) ? CLI_OK : CLI_FAILED;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .args = "[--json]",
    .help = "Tells whether jails can run on this machine, and what to do if not",
    .more = "A line for each check: ok, warn (jails can do without it) or fail, what was "
	    "found, and the remedy. The guest's kernel is booted. Exit status 1 when one "
	    "failed.",
    .opts = opts,
    .fn = doctor,
};
