# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the guests of the end-to-end tests: $(BUILD)/guests/NAME.elf for each NAME. Included by the top Makefile.

GUEST_NAMES := regs steps catch ticks calls conditions loops spaces dat access exits instructions sigp hello panic reboot sclp args lowargs smp deaths
GUEST_ELF   := $(GUEST_NAMES:%=$(BUILD)/guests/%.elf)
GUEST_FLAGS := -march=z10 -msoft-float -g -O1 -ffreestanding -fno-pic -no-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
               -fno-omit-frame-pointer -Wall -Wextra -Werror
GUEST_LINK  := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,norelro,-z,noexecstack

guests: $(GUEST_ELF) $(BUILD)/guests/unixcat $(BUILD)/guests/ptyrun $(BUILD)/guests/kexec $(BUILD)/guests/threads ## build the small s390x programs that the tests debug

$(BUILD)/guests/%.o: tests/guests/%.S
	@mkdir -p $(@D)
	@$(SAY) CC $@
	$(Q)$(CC_S390X) $(GUEST_FLAGS) -c -o $@ $<

$(BUILD)/guests/%.o: tests/guests/%.c
	@mkdir -p $(@D)
	@$(SAY) CC $@
	$(Q)$(CC_S390X) $(GUEST_FLAGS) -c -o $@ $<

# Three ends of one program.
$(BUILD)/guests/panic.o $(BUILD)/guests/reboot.o: $(BUILD)/guests/%.o: tests/guests/hello.S
	@mkdir -p $(@D)
	@$(SAY) CC $@
	$(Q)$(CC_S390X) $(GUEST_FLAGS) -DEND_$* -c -o $@ $<

# The same program in another place: the parameter area is its own.
$(BUILD)/guests/lowargs.o: tests/guests/args.c
	@mkdir -p $(@D)
	@$(SAY) CC $@
	$(Q)$(CC_S390X) $(GUEST_FLAGS) -DLOW -c -o $@ $<
$(BUILD)/guests/lowargs.elf: GUEST_LINK += -Wl,--defsym,guest_base=0x10000 -Wl,--entry,low_start

$(BUILD)/guests/%.elf: $(BUILD)/guests/start.o $(BUILD)/guests/%.o tests/guests/guest.lds
	@$(SAY) CC $@
	$(Q)$(CC_S390X) $(GUEST_LINK) -T tests/guests/guest.lds -o $@ $(filter %.o,$^)

$(BUILD)/guests/unixcat $(BUILD)/guests/ptyrun: $(BUILD)/guests/%: tests/zharness/%.c
$(BUILD)/guests/kexec $(BUILD)/guests/threads: $(BUILD)/guests/%: tests/guests/%.c
$(BUILD)/guests/unixcat $(BUILD)/guests/ptyrun $(BUILD)/guests/kexec $(BUILD)/guests/threads:
	@mkdir -p $(@D)
	@$(SAY) CC $@
	$(Q)$(CC_S390X) -O2 -Wall -Wextra -Werror $(S390X_STATIC) -o $@ $<

# Modules of the Linux guests: one for each kernel, whose headers are in the cache.
modules: $(BUILD)/guests/modules/6.1/deaths.ko $(BUILD)/guests/modules/6.12/deaths.ko ## build the modules that kill Linux guests

$(CACHE)/stamps/headers $(CACHE)/stamps/headers-later:
	@scripts/setup long

$(BUILD)/guests/modules/6.1/deaths.ko: HEADERS := headers
$(BUILD)/guests/modules/6.1/deaths.ko: $(CACHE)/stamps/headers
$(BUILD)/guests/modules/6.12/deaths.ko: HEADERS := headers-later
$(BUILD)/guests/modules/6.12/deaths.ko: $(CACHE)/stamps/headers-later
$(BUILD)/guests/modules/%/deaths.ko: tests/guests/modules/deaths.c tests/guests/modules/Kbuild
	@mkdir -p $(@D)
	@$(SAY) CC $@
	$(Q)cp $(filter tests/%,$^) $(@D)
	$(Q)$(MAKE) --no-print-directory -s -C $(CACHE)/$(HEADERS)/build M=$(abspath $(@D)) ARCH=s390 CROSS_COMPILE=$(CROSS_COMPILE) \
	 CC='$(CC_S390X)' CONFIG_DEBUG_INFO_BTF_MODULES= modules

.PHONY: guests modules
