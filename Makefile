# SPDX-License-Identifier: GPL-2.0-or-later
# gaol: a jail console for the terminal. `make help` lists the targets.
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
# SAN=address,undefined builds with sanitizers, into a folder of its own.
SAN     ?=
V       ?=
TIME    ?= 60

comma   := ,
BUILD   := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(filter clang%,$(notdir $(CC))),-clang)
Q       := $(if $(V),,@)
PKGS    := fuse3 libgit2 ncursesw vterm libseccomp jansson zlib libmnl
RELEASE := 0.1

# Everything that needs the libraries is built by a second make, behind "deps".
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

CSTD     := -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wvla -Wformat=2 -Wno-unused-parameter -Wno-format-nonliteral
OPT      ?= -O2 -g
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
HARDEN   := $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIE
CPPFLAGS += -I. -I$(BUILD) $(PKG_CFLAGS) -DGAOL_VERSION='"$(RELEASE)"' -DGAOL_LIBDIR='"$(PREFIX)/lib/gaol"'
CFLAGS   += $(CSTD) $(WARN) $(OPT) $(HARDEN) $(SANFLAGS)
LDFLAGS  += $(SANFLAGS) -pie -Wl,-z,relro,-z,now
# Debian's slirp.pc asks for glib's headers, which no header of libslirp includes.
LDLIBS   += $(PKG_LIBS) -lslirp -lreadline -lpthread -lm

CORE_SRC  := $(sort $(wildcard core/*.c core/*/*.c))
FACE_SRC  := $(sort $(wildcard keymaps/*.c views/*.c tui/*.c tui/*/*.c))
CORE_OBJ  := $(CORE_SRC:%.c=$(BUILD)/%.o)
FACE_OBJ  := $(FACE_SRC:%.c=$(BUILD)/%.o) $(BUILD)/keymaps/builtin.o
MAIN_OBJ  := $(BUILD)/tui/main.o
LIB       := $(BUILD)/libgaol.a
FACE_LIB  := $(BUILD)/libface.a
UNIT_SRC  := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/%)
BENCH_SRC := $(filter-out bench/work.c,$(sort $(wildcard bench/*.c)))
BENCH_BIN := $(BENCH_SRC:bench/%.c=$(BUILD)/bench/%)
FUZZ_SRC  := $(sort $(wildcard fuzz/fuzz_*.c))
FUZZ_BIN  := $(FUZZ_SRC:fuzz/%.c=build-fuzz/%)
E2E       := $(sort $(wildcard tests/e2e/test_*.sh))
ATTACKS   := $(sort $(wildcard tests/attacks/test_*.sh))
SCREEN    := $(sort $(wildcard tests/screen/test_*.sh))
DEPFILES  := $(CORE_OBJ:.o=.d) $(FACE_OBJ:.o=.d) $(UNIT_BIN:=.d)
PROGRAM   := $(BUILD)/gaol
MADE_PAGES := gaol-keys.5 gaol.conf.5 jail.conf.5 gaol-json.7
# Shells, and where each looks for completions below share/.
COMPLETIONS := bash:bash-completion/completions/gaol zsh:zsh/site-functions/_gaol \
               fish:fish/vendor_completions.d/gaol.fish

.PHONY: all demo check check-long unit e2e attacks screen bench fuzz screenshots deps kernel lint install uninstall clean \
        help built tested programs
.DEFAULT_GOAL := all

all: deps ## build ./gaol and the guest's init (default)
	$(Q)$(MAKE) --no-print-directory built

built: $(PROGRAM) $(BUILD)/guest/init $(BUILD)/guest/wall $(if $(filter build,$(BUILD)),gaol)

demo: all kernel ## make a jail, let an installer do its worst, watch, diff, undo
	$(Q)bash tests/demo.sh ./gaol

check: all kernel ## all tests but the long ones
	$(Q)$(MAKE) --no-print-directory tested

tested: lint $(UNIT_BIN)
	$(Q)bash tests/run.sh $(UNIT_BIN) $(wildcard tests/*_cache.sh) $(E2E) $(ATTACKS) $(SCREEN)

programs: $(UNIT_BIN)

unit: all ## the unit tests only
	$(Q)$(MAKE) --no-print-directory $(UNIT_BIN) && bash tests/run.sh $(UNIT_BIN)

e2e: all kernel ## the tests in real jails only
	$(Q)bash tests/run.sh $(E2E)

attacks: all kernel ## the attacks on the walls only
	$(Q)bash tests/run.sh $(ATTACKS)

screen: all kernel ## the screen tests only
	$(Q)bash tests/run.sh $(SCREEN)

check-long: all kernel ## sanitizers, long models and kills; results into tests/LONG.md
	$(Q)bash tools/deps.sh long
	$(Q)bash tests/long.sh

bench: all kernel ## ratios measured side by side, into bench/RESULTS.md (root)
	$(Q)bash tools/deps.sh bench
	$(Q)$(MAKE) --no-print-directory $(BENCH_BIN)
	$(Q)for b in ring boot density layer guest checkpoint net tui bombs; do echo "== $$b"; bash bench/$$b.sh || exit 1; done

fuzz: deps ## run every fuzzer for TIME seconds (default 60)
	$(Q)bash tools/deps.sh fuzz
	$(Q)$(MAKE) --no-print-directory $(FUZZ_BIN)
	$(Q)for f in $(FUZZ_BIN); do mkdir -p build-fuzz/corpus/$${f##*/}; \
		$$f -max_total_time=$(TIME) -max_len=65536 -rss_limit_mb=4096 build-fuzz/corpus/$${f##*/} \
		$$(ls -d fuzz/corpus/$${f##*/fuzz_} 2>/dev/null) || exit 1; done

screenshots: all kernel ## text and pictures of a real run
	$(Q)bash screenshots/make.sh

deps: ## install what is missing (apt-get; through sudo when not root)
	$(Q)bash tools/deps.sh

kernel: built ## obtain and build the guest's kernel, once per machine
	$(Q)GAOL_BOOTCHECK="$${GAOL_BOOTCHECK-$(CURDIR)/tools/bootcheck.sh}" bash kernel/build.sh >/dev/null

lint: ## which way includes look, library fences, sizes
	$(Q)bash tools/lint.sh

install: all ## into $(DESTDIR)$(PREFIX), the kernel image too
	$(Q)$(MAKE) --no-print-directory kernel
	install -D -m 0755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/gaol
	install -D -m 0755 $(BUILD)/guest/init $(DESTDIR)$(PREFIX)/lib/gaol/init
	install -D -m 0755 $(BUILD)/guest/wall $(DESTDIR)$(PREFIX)/lib/gaol/wall
	install -D -m 0755 "$$(bash kernel/build.sh path)" $(DESTDIR)$(PREFIX)/lib/gaol/linux
	install -D -m 0644 man/gaol.1 $(DESTDIR)$(PREFIX)/share/man/man1/gaol.1
	install -D -m 0644 man/gaol-format.7 $(DESTDIR)$(PREFIX)/share/man/man7/gaol-format.7
	for p in $(MADE_PAGES); do bash man/build.sh $(PROGRAM) $$p > $(BUILD)/page.tmp && \
		install -D -m 0644 $(BUILD)/page.tmp $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$$p || exit 1; done
	for s in $(COMPLETIONS); do $(PROGRAM) completion $${s%%:*} > $(BUILD)/completion.tmp && \
		install -D -m 0644 $(BUILD)/completion.tmp $(DESTDIR)$(PREFIX)/share/$${s#*:} || exit 1; done
	ln -sf $(PREFIX)/bin/gaol $(DESTDIR)$(PREFIX)/bin/mount.fuse.gaol
	for w in system user; do d=$(DESTDIR)$(PREFIX)/lib/systemd/$$w; mkdir -p $$d && \
		sed 's|@PREFIX@|$(PREFIX)|g' systemd/$$w/gaol.service.in > $$d/gaol.service && \
		chmod 0644 $$d/gaol.service || exit 1; done

uninstall: ## take it away again; jails stay
	rm -f $(DESTDIR)$(PREFIX)/bin/gaol $(DESTDIR)$(PREFIX)/bin/mount.fuse.gaol
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/gaol.1 $(DESTDIR)$(PREFIX)/share/man/man7/gaol-format.7
	for p in $(MADE_PAGES); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$$p; done
	rm -f $(foreach s,$(COMPLETIONS),$(DESTDIR)$(PREFIX)/share/$(lastword $(subst :, ,$(s))))
	rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/gaol.service
	rm -f $(DESTDIR)$(PREFIX)/lib/systemd/user/gaol.service
	rm -rf $(DESTDIR)$(PREFIX)/lib/gaol

clean: ## remove what was built; the kernel's cache stays
	rm -rf build build-* gaol

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

gaol: $(PROGRAM)
	$(Q)ln -sf $< $@

$(PROGRAM): $(FACE_OBJ) $(LIB)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(FACE_OBJ) $(LIB) $(LDLIBS)

$(LIB): $(CORE_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(FACE_LIB): $(filter-out $(MAIN_OBJ),$(FACE_OBJ))
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The default key map is an ordinary keys file, compiled in as text.
$(BUILD)/keymaps/builtin.c: $(wildcard keymaps/*.keys) keymaps/embed.sh
	@mkdir -p $(@D)
	$(Q)sh keymaps/embed.sh $(sort $(wildcard keymaps/*.keys)) > $@.tmp && mv $@.tmp $@

$(BUILD)/keymaps/builtin.o: $(BUILD)/keymaps/builtin.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The guest's init is static and never sanitised: it runs as pid 1 of the guest.
$(BUILD)/guest/init: $(wildcard guest/*.c guest/*.h) core/chanproto.h
	@mkdir -p $(@D)
	@echo "  INIT  $@"
	$(Q)$(CC) $(CSTD) $(WARN) -Os -I. -static -s -o $@ $(filter %.c,$^)

# The last step into the guest's walls: static as well, it runs where no library is.
$(BUILD)/guest/wall: core/wall/step/step.c
	@mkdir -p $(@D)
	@echo "  WALL  $@"
	$(Q)$(CC) $(CSTD) $(WARN) -Os -I. -static -s -o $@ $<

$(BUILD)/tests/%: tests/unit/%.c $(LIB) $(FACE_LIB)
	@mkdir -p $(@D)
	@echo "  TEST  $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(FACE_LIB) $(LIB) \
		$(shell pkg-config --libs check) $(LDLIBS)

# Static, because it also runs where no library of ours is; never sanitised: it is the ruler.
build/conform: $(wildcard tests/conform/*.c tests/conform/*.h)
	@mkdir -p $(@D)
	@echo "  TEST  $@"
	$(Q)$(CC) $(CSTD) $(WARN) -O2 -I. -static -o $@ $(filter %.c,$^)

# Takes the place of the guest's kernel in its walls: static for the same reason.
build/standin: $(wildcard tests/attacks/*.c tests/attacks/*.h)
	@mkdir -p $(@D)
	@echo "  TEST  $@"
	$(Q)$(CC) $(CSTD) $(WARN) -O2 -I. -static -o $@ $(filter %.c,$^)

$(BUILD)/bench/%: bench/%.c $(LIB) $(FACE_LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(FACE_LIB) $(LIB) $(LDLIBS)

# Fuzzers are linked from sources, so that the coverage they steer by includes gaol's own code.
FUZZ_FACE := tui/filter.c tui/term.c views/row.c $(sort $(wildcard keymaps/*.c)) $(BUILD)/keymaps/builtin.c
build-fuzz/%: fuzz/%.c $(CORE_SRC) $(FUZZ_FACE) $(wildcard core/*.h core/*/*.h)
	@mkdir -p $(@D)
	@echo "  FUZZ  $@"
	$(Q)clang -fsanitize=fuzzer,address,undefined $(CPPFLAGS) $(CSTD) -g -O1 -o $@ $< \
		$(CORE_SRC) $(FUZZ_FACE) $(PKG_LIBS) -lslirp -lm

-include $(DEPFILES)
