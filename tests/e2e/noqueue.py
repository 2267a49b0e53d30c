# SPDX-License-Identifier: GPL-2.0-or-later
"""noqueue.py COMMAND...: runs it as on a kernel without netfilter's netlink: socket(AF_NETLINK, ...,
NETLINK_NETFILTER) fails there, as here, with EPROTONOSUPPORT."""
import errno
import refusal

SOCKET, AF_NETLINK, NETLINK_NETFILTER = 41, 16, 12
refusal.run_without(SOCKET, errno.EPROTONOSUPPORT, AF_NETLINK, None, NETLINK_NETFILTER)
