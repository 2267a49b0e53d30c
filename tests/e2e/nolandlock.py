# SPDX-License-Identifier: GPL-2.0-or-later
"""nolandlock.py COMMAND...: runs it as on a kernel without Landlock: landlock_create_ruleset(2) fails
with ENOSYS."""
import errno
import refusal

CREATE_RULESET = 444
refusal.run_without(CREATE_RULESET, errno.ENOSYS)
