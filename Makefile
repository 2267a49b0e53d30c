# SPDX-License-Identifier: GPL-2.0-or-later
# gaol: a jail console for the terminal. `make help` lists the targets.
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
SAN     ?=
V       ?=

BUILD   := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(filter clang%,$(notdir $(CC))),-clang)
comma   := ,
BUILD   := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(filter clang%,$(notdir $(CC))),-clang)
Q       := $(if $(V),,@)
PKGS    := fuse3 libgit2 ncursesw vterm libseccomp jansson zlib
RELEASE := 0.1

CSTD     := -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wvla -Wformat=2 -Wno-unused-parameter -Wno-format-nonliteral
OPT      ?= -O2 -g
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
HARDEN   := $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIE
CPPFLAGS += -I. -I$(BUILD) $(shell pkg-config --cflags $(PKGS) 2>/dev/null) \
            -DGAOL_VERSION='"$(RELEASE)"' -DGAOL_LIBDIR='"$(PREFIX)/lib/gaol"'
CFLAGS   += $(CSTD) $(WARN) $(OPT) $(HARDEN) $(SANFLAGS)
LDFLAGS  += $(SANFLAGS) -pie -Wl,-z,relro,-z,now
LDLIBS   += $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lreadline -lpthread -lm

CORE_SRC  := $(sort $(wildcard core/*.c core/*/*.c))
FACE_SRC  := $(sort $(wildcard keymaps/*.c views/*.c tui/*.c tui/*/*.c))
CORE_OBJ  := $(CORE_SRC:%.c=$(BUILD)/%.o)
FACE_OBJ  := $(FACE_SRC:%.c=$(BUILD)/%.o) $(BUILD)/keymaps/builtin.o
MAIN_OBJ  := $(BUILD)/tui/main.o
LIB       := $(BUILD)/libgaol.a
FACE_LIB  := $(BUILD)/libface.a
UNIT_SRC  := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/%)
DEPFILES  := $(CORE_OBJ:.o=.d) $(FACE_OBJ:.o=.d) $(UNIT_BIN:=.d)

.PHONY: all demo check check-long unit bench fuzz screenshots deps kernel lint install uninstall clean help
.DEFAULT_GOAL := all

all: $(if $(filter build,$(BUILD)),gaol,$(BUILD)/gaol) $(BUILD)/guest/init ## build ./gaol and the guest's init

gaol: $(BUILD)/gaol
	$(Q)ln -sf $< $@

$(BUILD)/gaol: $(FACE_OBJ) $(LIB)
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
	$(Q)sh keymaps/embed.sh $(wildcard keymaps/*.keys) > $@.tmp && mv $@.tmp $@

$(BUILD)/keymaps/builtin.o: $(BUILD)/keymaps/builtin.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The guest's init is static and never sanitised: it runs as pid 1 of the guest.
$(BUILD)/guest/init: $(wildcard guest/*.c guest/*.h) core/chanproto.h
	@mkdir -p $(@D)
	@echo "  INIT  $@"
	$(Q)$(CC) $(CSTD) $(WARN) -Os -I. -static -s -o $@ $(filter %.c,$^)

$(BUILD)/tests/%: tests/unit/%.c $(LIB) $(FACE_LIB)
	@mkdir -p $(@D)
	@echo "  TEST  $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(shell pkg-config --cflags check 2>/dev/null) -MMD -MP $(LDFLAGS) \
		-o $@ $< $(FACE_LIB) $(LIB) $(shell pkg-config --libs check 2>/dev/null) $(LDLIBS)

# This one runs the guest's init as an ordinary process.
$(BUILD)/tests/test_chan_guest: | $(BUILD)/guest/init

unit: deps $(UNIT_BIN) ## build and run the unit tests only
	$(Q)bash tests/run.sh unit $(UNIT_BIN)

-include $(DEPFILES)
