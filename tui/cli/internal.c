/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that other programs call: warden, worker, netpath, layer. They read their arguments themselves. */
#include "core/net/net.h"
#include "core/repo/worker.h"
#include "core/warden/warden.h"
#include "tui/cli/cli.h"
#include "tui/cmd_layer.h"

static int warden(struct cli *c, const struct verb *v, int argc, char **argv)
{
	return warden_main(argc, argv);
}

static int worker(struct cli *c, const struct verb *v, int argc, char **argv)
{
	return worker_main(argc, argv);
}

static int netpath(struct cli *c, const struct verb *v, int argc, char **argv)
{
	return net_main(argc, argv);
}

static int layer(struct cli *c, const struct verb *v, int argc, char **argv)
{
	return cmd_layer(argc, argv);
}

const struct verb verb_warden = {.name = "warden",
				 .args = "[--client FD] [--tied] NAME",
				 .help = "Internal: supervises one jail",
				 .flags = VERB_INTERNAL | VERB_RAW,
				 .fn = warden};

const struct verb verb_worker = {.name = "worker",
				 .args = "",
				 .help = "Internal: makes and restores checkpoints",
				 .flags = VERB_INTERNAL | VERB_RAW,
				 .fn = worker};

const struct verb verb_netpath = {.name = "netpath",
				  .args = "",
				  .help = "Internal: the network of one jail",
				  .flags = VERB_INTERNAL | VERB_RAW,
				  .fn = netpath};

const struct verb verb_layer = {
    .name = "layer",
    .args = "-o lowerdir=A[:B...][,upperdir=U[,workdir=W]] MOUNTPOINT [-f]",
    .help = "Mounts a layer on a directory of the host, without a guest",
    .more = "Needs /dev/fuse, and fusermount3 for ordinary users. As a mount helper, "
	    "under the name mount.fuse.gaol, it serves `mount -t fuse.gaol`.",
    .flags = VERB_RAW,
    .fn = layer,
};
