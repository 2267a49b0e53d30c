/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net: the guest's network card gets its addresses and routes, once, before anything runs.
 *
 * The kernel's command line says which: gaol.net=ADDRESS/BITS,GATEWAY[,ADDRESS/BITS,GATEWAY] for
 * IPv4 and IPv6. The card is the first interface that is not the loopback; it is called eth0, and
 * its MTU comes with the device.
 */
#ifndef GAOL_GUEST_NET_H
#define GAOL_GUEST_NET_H

/* Does what the command line asks for; without gaol.net nothing. What fails is told to the
 * kernel's log. */
void net_make(void);

#endif
