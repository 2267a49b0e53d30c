/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jailset: settings of a jail that were changed, told where lists read them. */
#ifndef GAOL_CORE_JAILSET_H
#define GAOL_CORE_JAILSET_H

#include "core/conf.h"
#include "core/jail.h"

/*
 * A jail that is down shows what it will be: writes c's part of its announcement. One that runs
 * shows what it is, until its next start. True when the jail is down.
 */
bool jail_settings_told(const struct jail *j, const struct conf *c);

#endif
