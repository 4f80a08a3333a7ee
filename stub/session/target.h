/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the guest's life cycle share: target.c (states and events) and ends.c. */
#ifndef ZGDBD_SESSION_TARGET_H
#define ZGDBD_SESSION_TARGET_H

#include "internal.h"
#include "zgdbd/log.h"

/* ends.c: what follows from t->stop, with and without a debugger; the exit status; how it is told. */
enum guest_action end_action(const struct target *t, bool debugger);
int end_status(enum stop_reason reason);
void end_log(const struct target *t);
void end_log_restart(struct target *t);
void stop_log(const struct stop *stop, enum log_level level);

#endif
