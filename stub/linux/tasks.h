/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept of a guest's tasks. tasks.c owns it and the list, task_layout.c the layout. */
#ifndef ZGDBD_LINUX_TASKS_H
#define ZGDBD_LINUX_TASKS_H

#include "internal.h"

struct linux_tasklist {
    struct linux_task_layout btf; /* from == NULL: there is none */
    struct err no_btf;            /* says why */
    unsigned generation;          /* of the kernel for which that was found out */
    bool listed;                  /* the list is that of now */
    size_t n;
    struct linux_task *list; /* from malloc */
    char lack[96];           /* why tasks may be missing in it, or "" */
};

/* NULL without memory. */
struct linux_tasklist *linux_tasklist(struct linux_guest *g);

#endif
