/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine on a dump: a machine (machine.h) whose CPUs stand for ever where they were when the dump was
 * taken, and whose memory and registers can only be read. */
#ifndef ZGDBD_CORE_H
#define ZGDBD_CORE_H

#include "zgdbd/err.h"
#include "zgdbd/machine.h"

/* Opens a dump of an s390x system: an ELF vmcore or, where zgdbd was built with libkdumpfile, one compressed
 * by makedumpfile (kdump) or an s390 stand-alone dump. NULL with *e (EXIT_IMAGE) if it is none, or is
 * damaged. The file is read while the machine lives, and may be larger than memory. */
struct machine *core_open(const char *path, struct err *e);

#endif
