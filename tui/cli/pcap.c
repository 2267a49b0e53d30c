/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcap: the frames of a jail's network card, into a file that tshark and wireshark read. */
#include "core/buf.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/loop.h"
#include "tui/cli/cli.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct recording {
	struct loop *loop;
	int in, out;
	struct buf part; /* of a block that is still coming */
	int failed;	 /* errno of a write */
};

/* Whole blocks only: a recording that ends at any time can be read. */
static int write_blocks(struct recording *r)
{
	size_t whole = 0;
	uint32_t n;

	while (r->part.len - whole >= 2 * sizeof(n)) {
		memcpy(&n, r->part.p + whole + sizeof(n), sizeof(n));
		n = le32toh(n);
		if (n < 12 || n > r->part.len - whole)
			break;
		whole += n;
	}
	int ret = whole ? fd_write_full(r->out, r->part.p, whole) : 0;
	buf_eat(&r->part, whole);
	return ret;
}

static void on_bytes(void *user, int events)
{
	struct recording *r = user;
	ssize_t n = read(r->in, buf_room(&r->part, 65536), 65536);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		r->part.len += (size_t)n;
	int ret = write_blocks(r);
	r->failed = -ret;
	if (n <= 0 || ret)
		loop_stop(r->loop, 0);
}

static void on_signal(void *user, int signo)
{
	struct recording *r = user;

	(void)signo;
	loop_stop(r->loop, 0);
}

/* Until the jail's network ends, or somebody ends us. */
static int record(struct recording *r, struct err *e)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, 0};

	r->loop = loop_new();
	if (!r->loop || loop_signals(r->loop, signals, on_signal, r) ||
	    !loop_fd_add(r->loop, r->in, LOOP_IN, on_bytes, r))
		return err_sys(e, "pcap: cannot wait for frames");
	loop_run(r->loop);
	if (r->failed)
		return err_set(e, -r->failed, "pcap: cannot write: %s", strerror(r->failed));
	return 0;
}

static int begin(struct jail *j, int pipe_end, struct err *e)
{
	struct client *client;
	int ret = client_connect(&client, j, e);

	if (ret)
		return ret;
	ret = client_call(client, "net", json_pack("{s:s}", "do", "pcap"), pipe_end, NULL, NULL,
			  NULL, e);
	client_free(client);
	return ret;
}

static int run(struct jail *j, const char *file, struct err *e)
{
	struct recording r = {.in = -1, .out = 1};
	int ends[2], ret;

	if (pipe2(ends, O_CLOEXEC))
		return err_sys(e, "pcap: pipe");
	r.in = ends[0];
	ret = begin(j, ends[1], e);
	close(ends[1]);
	if (!ret && strcmp(file, "-") != 0)
		r.out = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (!ret && r.out < 0)
		ret = err_sys(e, "%s", file);
	if (!ret)
		ret = record(&r, e);
	close(r.in);
	if (r.out > 1)
		close(r.out);
	buf_free(&r.part);
	loop_free(r.loop);
	return ret;
}

static int pcap(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;
	struct jail j;
	struct err e;

	if (!cli_simple(&a, v, argc, argv, 2, 2))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int ret = run(&j, a.v[1], &e);
	jail_close(&j);
	return ret ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {"gaol pcap demo demo.pcapng", "Until Ctrl-C.",
				       "gaol pcap demo - | tshark -r -", "Decoded as it comes.",
				       NULL};

const struct verb verb_pcap = {
    .name = "pcap",
    .args = "NAME FILE|-",
    .help = "Records the frames of a jail's network card",
    .more = "What is written is pcapng, which tshark and wireshark read: every frame that the jail "
	    "sends, also those that are refused behind its card, and every one that it gets. Ends "
	    "with the jail's network, or at Ctrl-C. A file that is too slow misses frames.",
    .examples = examples,
    .words = WORDS_JAIL,
    .fn = pcap,
};
