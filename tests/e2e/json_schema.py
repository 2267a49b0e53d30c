# SPDX-License-Identifier: GPL-2.0-or-later
# json_schema.py SCHEMA FILE VERB [KEY...]: the JSON texts in FILE against the lines of
# `gaol help --schema` for a verb. KEYs need not be seen.
import json
import sys
path, printed, verb, unseen = sys.argv[1], sys.argv[2], sys.argv[3], set(sys.argv[4:])
want, need = {}, set()
for line in open(path):
    verbs, key, kind, always = line.rstrip("\n").split("\t")
    if verb in verbs.split(","):
        want[key] = kind
        if always == "always":
            need.add(key)
assert want, "not in the schema"
def kind(v):
    if v is None: return "null"
    if isinstance(v, bool): return "boolean"
    if isinstance(v, (int, float)): return "number"
    if isinstance(v, str): return "string"
    if isinstance(v, dict): return "object"
    return "array"
def fits(v, doc):
    for d in doc.split("|"):
        if d.startswith("array of "):
            if isinstance(v, list) and all(kind(x) == d[9:] for x in v): return True
        elif kind(v) == d: return True
    return False
seen = set()
text, at, decoder = open(printed).read(), 0, json.JSONDecoder()
assert text.isascii(), "not ASCII"
objects = []
while text[at:].strip():
    while text[at] in " \n": at += 1
    value, at = decoder.raw_decode(text, at)
    objects += value if isinstance(value, list) else [value]
assert objects, "nothing was printed"
for o in objects:
    flat = dict(o)
    for outer in list(o):
        # b has the keys of a
        if isinstance(o[outer], dict):
            flat.update({("a" if outer == "b" else outer) + "." + k: v for k, v in o[outer].items()})
    for k, v in flat.items():
        assert k in want, "%s is printed and not documented" % k
        assert fits(v, want[k]), "%s is %r, documented as %s" % (k, v, want[k])
        seen.add(k)
    missing = need - set(flat)
    assert not missing, "%s: not in %s" % (sorted(missing), o)
missing = set(want) - seen - unseen
assert not missing, "%s: documented and never printed" % sorted(missing)
