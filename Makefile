# SPDX-License-Identifier: GPL-2.0-or-later
# Builds zgdbd for s390x (crosswise where this machine is none), its tests natively and for s390x, and calls the
# scripts that own the rest: scripts/setup (what must be installed), scripts/box (real KVM), scripts/demo, scripts/bench.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

prefix  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
CACHE   := $(or $(ZGDBD_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/zgdbd)
VERSION := 0.1

HOST_ARCH := $(shell uname -m)
ifneq ($(HOST_ARCH),s390x)
CROSS_COMPILE ?= s390x-linux-gnu-
SYSROOT ?= $(CACHE)/sysroot
QEMU_USER ?= qemu-s390x -L /usr/s390x-linux-gnu
endif

CFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE -Iinclude -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
              -Wmissing-prototypes -DZGDBD_VERSION='"$(VERSION)"' -pthread -MMD -MP
CFLAGS ?= -O2 -g

# Short lines unless V=1; none with make -s.
ifneq ($(V),1)
Q := @
SAY = $(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,printf '  %-8s %s\n')
else
SAY = :
endif

# ---- the daemon, s390x ----
CC_S390X := $(CROSS_COMPILE)gcc
ifneq ($(SYSROOT),)
S390X_INC  := -isystem $(SYSROOT)/usr/include -isystem $(SYSROOT)/usr/include/s390x-linux-gnu
S390X_LIB  := $(SYSROOT)/usr/lib/s390x-linux-gnu/
S390X_LIBS := $(addprefix $(S390X_LIB),libev.a libbpf.a libelf.a libz.a libcapstone.a) -lm
S390X_STATIC := -static
S390X_CMOCKA := $(S390X_LIB)libcmocka.so -Wl,-rpath,$(S390X_LIB)
else
S390X_LIBS := -lev -lbpf -lelf -lz -lcapstone -lm
S390X_CMOCKA := -lcmocka
endif

SRC  := $(filter-out stub/main.c,$(wildcard proto/*.c stub/*.c stub/*/*.c))
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
UNIT_SUPPORT := $(filter-out tests/unit/test_%.c,$(wildcard tests/unit/*.c))

# Debian has no static libkdumpfile: without a shared one for the target, zgdbd reads only ELF dumps.
KDUMPFILE_SRC := stub/core/kdumpfile.c
KDUMPFILE_UNIT := test_dump_kdumpfile
ifneq ($(SYSROOT),)
S390X_SRC := $(filter-out $(KDUMPFILE_SRC),$(SRC))
S390X_DEFS := -DZGDBD_NO_KDUMPFILE
S390X_UNIT := $(filter-out $(KDUMPFILE_UNIT),$(UNIT))
else
S390X_SRC := $(SRC)
S390X_UNIT := $(UNIT)
S390X_LIBS += -lkdumpfile
endif
S390X_OBJ := $(S390X_SRC:%.c=$(BUILD)/s390x/%.o)
# The engine's sources see the s390x KVM interface on every machine, so that its tests run under native sanitizers.
NATIVE_CC    ?= gcc
NATIVE_SAN   := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
NATIVE_FLAGS := -O1 -g $(NATIVE_SAN)
NATIVE_OBJ   := $(SRC:%.c=$(BUILD)/native/%.o)
NATIVE_LIBS  := -lev -lbpf -lelf -lz -lcapstone -lkdumpfile -lcmocka -lm
UAPI         := $(BUILD)/uapi
FUZZ_CC      ?= clang
FUZZ_FLAGS   := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_OBJ     := $(SRC:%.c=$(BUILD)/fuzz/%.o)

all: $(BUILD)/zgdbd host ## build the daemon for s390x, build/zgdbd, and one for dumps on this machine

help: ## this list
	@echo 'zgdbd: a GDB remote stub daemon for s390x KVM guests. Targets:'
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
	@echo 'Variables: V=1 (whole command lines) CROSS_COMPILE=$(CROSS_COMPILE) prefix=$(prefix) DESTDIR=$(DESTDIR) BUILD=$(BUILD)'
	@echo 'Downloads, sysroot and box image are kept in $(CACHE) (XDG_CACHE_HOME, ZGDBD_CACHE).'

$(BUILD)/s390x/%.o: %.c
	@mkdir -p $(@D)
	@$(SAY) 'CC' $@
	$(Q)$(CC_S390X) $(CFLAGS_ALL) $(S390X_INC) $(S390X_DEFS) $(CFLAGS) -c -o $@ $<

$(BUILD)/zgdbd: $(BUILD)/s390x/stub/main.o $(S390X_OBJ)
	@$(SAY) 'LINK' $@
	$(Q)$(CC_S390X) $(S390X_STATIC) -pthread -Wl,--s390-pgste $(LDFLAGS) -o $@ $^ $(S390X_LIBS)

# ---- for this machine's own architecture: dumps, and guests where that is s390x ----
HOST_CC ?= $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
ifeq ($(HOST_ARCH),s390x)
HOST_SRC  := $(SRC)
HOST_LINK := -Wl,--s390-pgste
else
HOST_SRC  := $(filter-out stub/kvm/%,$(SRC))
HOST_DEFS := -DZGDBD_NO_KVM='"$(HOST_ARCH)"'
endif
HOST_OBJ  := $(HOST_SRC:%.c=$(BUILD)/host/%.o)
HOST_LIBS := $(filter-out -lcmocka,$(NATIVE_LIBS))

host: $(BUILD)/host/zgdbd ## build zgdbd for this machine's architecture, to look at dumps: build/host/zgdbd

$(BUILD)/host/%.o: %.c
	@mkdir -p $(@D)
	@$(SAY) 'CC' $@
	$(Q)$(HOST_CC) $(CFLAGS_ALL) $(HOST_DEFS) $(CFLAGS) -c -o $@ $<

$(BUILD)/host/zgdbd: $(BUILD)/host/stub/main.o $(HOST_OBJ)
	@$(SAY) 'LINK' $@
	$(Q)$(HOST_CC) -pthread $(HOST_LINK) $(LDFLAGS) -o $@ $^ $(HOST_LIBS)

# ---- tests ----
$(UAPI)/asm/kvm.h:
	@mkdir -p $(@D)
	$(Q)cp $(firstword $(wildcard /usr/s390x-linux-gnu/include/asm/kvm.h $(SYSROOT)/usr/include/s390x-linux-gnu/asm/kvm.h /usr/include/s390x-linux-gnu/asm/kvm.h)) $@

$(BUILD)/native/%.o: %.c | $(UAPI)/asm/kvm.h
	@mkdir -p $(@D)
	@$(SAY) 'CC' $@
	$(Q)$(NATIVE_CC) $(CFLAGS_ALL) -isystem $(UAPI) $(NATIVE_FLAGS) -c -o $@ $<

$(BUILD)/native/lib.a: $(NATIVE_OBJ) $(UNIT_SUPPORT:%.c=$(BUILD)/native/%.o)
	@$(SAY) 'AR' $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/native/%: $(BUILD)/native/tests/unit/%.o $(BUILD)/native/lib.a
	@$(SAY) 'LINK' $@
	$(Q)$(NATIVE_CC) $(NATIVE_SAN) -pthread -o $@ $^ $(NATIVE_LIBS)

$(BUILD)/s390x/lib.a: $(S390X_OBJ) $(UNIT_SUPPORT:%.c=$(BUILD)/s390x/%.o)
	@$(SAY) 'AR' $@
	$(Q)rm -f $@ && $(CROSS_COMPILE)ar rcs $@ $^

$(BUILD)/s390x/%: $(BUILD)/s390x/tests/unit/%.o $(BUILD)/s390x/lib.a
	@$(SAY) 'LINK' $@
	$(Q)$(CC_S390X) -pthread -o $@ $^ $(S390X_LIBS) $(S390X_CMOCKA)

$(BUILD)/fuzz/%.o: %.c | $(UAPI)/asm/kvm.h
	@mkdir -p $(@D)
	@$(SAY) 'CC' $@
	$(Q)$(FUZZ_CC) $(CFLAGS_ALL) -isystem $(UAPI) $(FUZZ_FLAGS) -c -o $@ $<

$(BUILD)/fuzz/lib.a: $(FUZZ_OBJ)
	@$(SAY) 'AR' $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(BUILD)/fuzz/lib.a
	@$(SAY) 'LINK' $@
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ $(filter-out -lcmocka,$(NATIVE_LIBS))

# One line for each program; all that it printed if it fails.
run-units = set -e; for t in $^; do $(2) $$t >$$t.log 2>&1 || { cat $$t.log; echo "$(1) $${t\#\#*/} failed"; exit 1; }; \
            echo "$(1) $${t\#\#*/}: $$(sed -n 's/^\[  PASSED  \] //p' $$t.log)"; done

unit: unit-native unit-s390x ## C unit tests, natively under ASan and UBSan and as s390x

unit-native: $(UNIT:%=$(BUILD)/native/%)
	@$(call run-units,native,)

unit-s390x: $(S390X_UNIT:%=$(BUILD)/s390x/%)
	@$(call run-units,s390x,$(QEMU_USER))

# ---- the guests that the end-to-end tests debug ----
include tests/guests/rules.mk

# ---- the benchmark's floor ----
include scripts/bench.mk

# ---- what a user calls ----
PYTHON := /usr/bin/python3
JOBS   := -j$(shell nproc)
PYTEST := $(PYTHON) -B -m pytest -c tests/pytest.ini -rs

setup: ## install and download what the build, the box and the tests need (cached)
	@scripts/setup

demo: setup ## watch gdb debug a Linux kernel under KVM
	@echo "building zgdbd for s390x ..."
	@$(MAKE) $(JOBS) --no-print-directory -s $(BUILD)/zgdbd
	@scripts/demo --zgdbd $(BUILD)/zgdbd

demo-shell: setup ## the same, but leave everything up for a gdb of your own
	@echo "building zgdbd for s390x ..."
	@$(MAKE) $(JOBS) --no-print-directory -s $(BUILD)/zgdbd
	@scripts/demo --zgdbd $(BUILD)/zgdbd --shell

check: setup ## set up and run every test: lint, unit (native and s390x), fuzz briefly, end to end
	@echo "building and running lint, unit tests and fuzzers ..."
	@$(MAKE) $(JOBS) --no-print-directory -s lint unit fuzz-short
	@$(MAKE) $(JOBS) --no-print-directory -s $(BUILD)/zgdbd host guests
	@$(PYTEST) tests/e2e

# What the host's KVM has its part in: once more on a later kernel, which steps otherwise than 6.1.
KVM_TESTS := steps step_interrupts range breakpoints watchpoints conditions breakpoint_conditions psw signals ends gdb_steps gdb_ranges \
             gdb_stops nonstop sigp linux_cpus

check-long: setup ## the tests that boot many kernels or download much, and the engine's on a host with Linux 6.12
	@scripts/setup long
	@$(MAKE) $(JOBS) --no-print-directory -s $(BUILD)/zgdbd host guests modules
	@$(PYTEST) --long tests/e2e
	@ZGDBD_TEST_HOST=later ZGDBD_TEST_BOX=e2e-later $(PYTEST) $(KVM_TESTS:%=tests/e2e/test_%.py)

bench: setup ## measure against QEMU's stub and the bare floor: a table, and build/bench.json
	@scripts/setup bench
	@$(MAKE) $(JOBS) --no-print-directory -s $(BUILD)/zgdbd $(BUILD)/bench-floor guests
	@scripts/bench --zgdbd $(BUILD)/zgdbd --json $(BUILD)/bench.json

FUZZ_SECONDS ?= 600
fuzz: $(FUZZ:%=$(BUILD)/fuzz/%) ## run every fuzzer for FUZZ_SECONDS (600)
	@set -e; for f in $^; do echo "fuzz $${f##*/} for $(FUZZ_SECONDS) s"; mkdir -p $(BUILD)/corpus/$${f##*/}; \
	 $$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=$(BUILD)/ $(BUILD)/corpus/$${f##*/}; done

FUZZ_RUNS := $(FUZZ:%=fuzz-run-%)
fuzz-short: $(FUZZ_RUNS) ## run every fuzzer for a few seconds
$(FUZZ_RUNS): fuzz-run-%: $(BUILD)/fuzz/%
	@$< -max_total_time=3 -timeout=10 -artifact_prefix=$(BUILD)/ >$<.log 2>&1 || { cat $<.log; exit 1; }
	@echo "fuzz $*: 3 s, nothing found"

C_FILES := $(wildcard include/zgdbd/*.h proto/*.[ch] stub/*.[ch] stub/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] scripts/*.c)
lint: lint-format lint-cppcheck lint-tidy ## formatting, cppcheck, clang-tidy

lint-format:
	@clang-format --dry-run -Werror $(C_FILES) && echo 'clang-format: clean'

lint-cppcheck: | $(UAPI)/asm/kvm.h
	@cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,performance,portability \
	 --suppress=missingIncludeSystem -Iinclude -I$(UAPI) -D_GNU_SOURCE -DZGDBD_VERSION='"x"' $(JOBS) proto stub && echo 'cppcheck: clean'

TIDY := $(SRC:%.c=$(BUILD)/tidy/%.ok) $(BUILD)/tidy/stub/main.ok
lint-tidy: $(TIDY)
	@echo 'clang-tidy: clean'
.SECONDEXPANSION:
$(BUILD)/tidy/%.ok: %.c .clang-tidy $(wildcard include/zgdbd/*.h) $$(wildcard $$(*D)/*.h) | $(UAPI)/asm/kvm.h
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- $(filter-out -MMD -MP -Werror,$(CFLAGS_ALL)) -isystem $(UAPI) 2>/dev/null && touch $@

install: $(BUILD)/zgdbd ## install zgdbd, its manual page and its script for gdb below DESTDIR/prefix
install-host: $(BUILD)/host/zgdbd ## install the zgdbd for this machine's architecture in its place
install install-host:
	install -D -m 755 $< $(DESTDIR)$(prefix)/bin/zgdbd
	install -D -m 644 stub/zgdbd.1 $(DESTDIR)$(prefix)/share/man/man1/zgdbd.1
	install -D -m 644 scripts/zgdbd-gdb.py $(DESTDIR)$(prefix)/share/zgdbd/zgdbd-gdb.py

clean: ## remove what was built (not the cache of downloads)
	rm -rf $(BUILD)

.PHONY: all help host setup demo demo-shell check check-long bench fuzz fuzz-short $(FUZZ_RUNS) lint lint-format lint-cppcheck lint-tidy \
        install install-host unit unit-native unit-s390x clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
