/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share: one guest, of which each file owns the part that it finds out. A part is
 * allocated by its file when it is first asked for, and freed by that file's forget function. */
#ifndef ZGDBD_LINUX_INTERNAL_H
#define ZGDBD_LINUX_INTERNAL_H

#include "zgdbd/linux.h"

struct linux_guest {
    struct machine *m;
    struct linux_place *place;     /* vmcoreinfo.c */
    struct linux_kallsyms *syms;   /* kallsyms.c */
    struct linux_modlist *modules; /* modules.c */
    struct linux_tasklist *tasks;  /* tasks.c */
};

/* How much is to be forgotten. */
enum linux_forget {
    FORGET_RAN, /* the guest has run: what it may have changed */
    FORGET_ALL,
};

typedef void linux_forget_fn(struct linux_guest *g, enum linux_forget what);

#endif
