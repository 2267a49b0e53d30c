/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker: `gaol worker`, exec'ed by a warden so that a checkpoint or rollback never stops its loop.
 *
 * Descriptor 3 is the jail's directory (O_RDONLY|O_DIRECTORY). Standard input has one JSON object,
 * then ends; when it is a socket, further descriptors may come with the object, whose "fds" then says
 * which numbers (4 to 7) they are to have:
 *   {"op": "save", "base": HASH?, "sealed": bool?, "kind": "hand", "message": "...", "always": bool, "name": JAIL}
 *   {"op": "needed"}            would a save find something new?
 *   {"op": "rollback", "to": "ID"?, "message": "..."?, "name": JAIL}
 *   {"op": "redo", "name": JAIL}
 *   {"op": "plan", "to": "ID"?, "redo": bool, "name": JAIL}  where would these two lead?
 *   {"op": "recover"}
 *   {"op": "create"}            makes the repository and checkpoint 1
 *   {"op": "status"}            the present checkpoint
 *   {"op": "tag", "id": "ID", "tag": WORD, "name": JAIL}
 *   {"op": "untag", "tag": WORD}
 *   {"op": "rename", "id": "ID", "message": "...", "name": JAIL}
 *   {"op": "prune", "keep": N?, "older": SECONDS?, "size": BYTES?, "dry": bool}
 * save, rollback, redo and plan take "base": descriptor 4 then has what the layer says was touched
 * since that tree (core/layer/touched.h); without it, all of upper is looked at.
 * With "sealed" (save only) the layer changes meanwhile and keeps what was there: descriptors 5 to 7
 * are struct seal_ends (core/layer/seal.h), for what was touched, or all without base; "code" EAGAIN
 * then means that more must be looked at, and the layer be held for it.
 * Standard output has one JSON object a line, the last one "ok" or "error":
 *   {"stored": true}            (sealed) nothing more of upper will be read
 *   {"progress": {"phase": "store", "done": n, "total": n}}
 *   {"ok": {...}}
 *   {"error": "what: why: what to do", "code": errno}
 * "ok" of save: {"number", "hash", "added", "modified", "deleted", "bytes", "unchanged", "tree",
 * "whole"?}; needed: {"needed": bool}; rollback, redo, plan: {"number", "hash", "time", "saved",
 * "from", "entries", "unchanged", "tree", "whole"?}: whole says why all of upper was looked at; recover: {"recovered": bool}; create and status: as save, with "kind", "time",
 * "message"; tag, rename: {"number"}; untag: {};
 * prune: {"numbers", "count", "before", "after"} as struct prune_result has them.
 * SIGTERM cancels. The exit status is 0 after "ok", 1 after "error", 2 for a request that is none.
 */
#ifndef GAOL_CORE_REPO_WORKER_H
#define GAOL_CORE_REPO_WORKER_H

#include <jansson.h>
#include <stdbool.h>

/* The main function of `gaol worker`. */
int worker_main(int argc, char **argv);
/*
 * The same in this process, for a stopped jail whose lock the caller holds: carries out request on
 * the jail's directory (touchedfd: descriptor 4's place, or -1) and calls say for each object that a worker would print (borrowed; false
 * cancels). Returns 0 or -errno as in "code".
 */
int worker_run(int jailfd, int touchedfd, const json_t *request,
	       bool (*say)(void *user, const json_t *o), void *user);

#endif
