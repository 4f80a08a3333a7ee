/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engines that zgdbd has, and which of them the command line asks for. */
#ifndef ZGDBD_ENGINES_H
#define ZGDBD_ENGINES_H

#include "zgdbd/console.h"
#include "zgdbd/machine.h"
#include "zgdbd/options.h"

struct engine_setup {
    const struct options *options; /* the strings must live as long as the machine */
    struct console_ring *console;  /* what the guest writes */
    struct console_ring *input;    /* what is typed */
    struct machine_events events;
};

/* Makes the machine. NULL with *e (EXIT_IMAGE, EXIT_NO_KVM, EXIT_OTHER) if it cannot be had, or if this zgdbd
 * was built without its engine. */
struct machine *engine_create(const struct engine_setup *setup, struct err *e);

#endif
