/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/conf.h"
#include <stdio.h>

int conf_authority(const struct conf *c, struct authority **out, struct err *e)
{
	struct authority *a = authority_new(AUTH_WRITE);
	int ret = authority_profile(a, conf_profile_name(c->profile), e);

	for (size_t i = 0; !ret && i < c->npaths; i++) {
		const struct conf_path *p = &c->paths[i];
		struct err why;

		ret = authority_add(a, p->path, p->word, p->own, p->secret, &why);
		if (ret)
			err_set(e, ret, CONF_FILE ":%u: %.400s", p->line, why.text);
	}
	if (ret) {
		authority_free(a);
		a = NULL;
	}
	*out = a;
	return ret;
}
