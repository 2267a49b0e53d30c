/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan: the addresses of a jail's network, the same in every jail.
 *
 *	guest eth0 .15  --  .14 "jail" [the jail's own network namespace] "out" .1  --  .2 .3
 *libslirp
 *
 * Outside of libslirp nobody sees them. IPv4 is what QEMU and slirp4netns use; the guest and its
 * gateway are a net of two (RFC 3021, RFC 6164), so nothing but the gateway is ever on its link.
 */
#ifndef GAOL_CORE_NET_PLAN_H
#define GAOL_CORE_NET_PLAN_H

#define PLAN_IF_JAIL "jail" /* the tap towards the guest */
#define PLAN_IF_OUT "out"   /* the tap towards libslirp */

#define PLAN_NET "10.0.2.0"
#define PLAN_MASK "255.255.255.0"
#define PLAN_NET_BITS 24
#define PLAN_LINK_BITS 31
#define PLAN_GUEST "10.0.2.15"
#define PLAN_GATEWAY "10.0.2.14"
#define PLAN_OUT "10.0.2.1"
#define PLAN_HOST "10.0.2.2" /* libslirp itself */
#define PLAN_DNS "10.0.2.3"  /* forwarded to the host's resolver */

#define PLAN_NET6 "fd00::"
#define PLAN_NET6_BITS 64
#define PLAN_LINK6_BITS 127
#define PLAN_GUEST6 "fd00::15"
#define PLAN_GATEWAY6 "fd00::14"
#define PLAN_OUT6 "fd00::1"
#define PLAN_HOST6 "fd00::2"
#define PLAN_DNS6 "fd00::3"

/* The guest's part, as its init reads it: address/bits,gateway of each family. */
#define PLAN_FOR_GUEST PLAN_GUEST "/31," PLAN_GATEWAY "," PLAN_GUEST6 "/127," PLAN_GATEWAY6

/* Nobody on the way has to cut a packet of the guest's TCP: libslirp ends it. What libslirp takes
 * at most (IF_MTU_MAX of libslirp 4.7), rounded down as slirp4netns does. */
#define PLAN_MTU 65520

#endif
