/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/jailset.h"
#include "core/fd.h"
#include <stdio.h>

bool jail_settings_told(const struct jail *j, const struct conf *c)
{
	cleanup_fd int lock = jail_lock_patient(j, JAIL_PATIENCE_MS);
	struct jail_status st;

	if (lock < 0 || jail_status_read(j, &st))
		return false;
	st.memory = c->memory;
	st.trusting = c->speed == CONF_TRUSTING;
	snprintf(st.profile, sizeof(st.profile), "%s", conf_profile_name(c->profile));
	snprintf(st.note, sizeof(st.note), "%s", c->note ? c->note : "");
	jail_status_write(j, &st);
	return true;
}
