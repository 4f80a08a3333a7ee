# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the benchmark's helper that runs in the box. Included by the top Makefile.

$(BUILD)/bench-floor: scripts/bench-floor.c
	@mkdir -p $(@D)
	@$(SAY) CC $@
	$(Q)$(CC_S390X) $(CFLAGS_ALL) $(S390X_INC) $(CFLAGS) $(S390X_STATIC) -Wl,--s390-pgste -o $@ $<
