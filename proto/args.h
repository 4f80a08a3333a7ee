/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Argument schemas: what stands behind a packet's name. Each reads the whole rest of the payload into what
 * enum rsp_kind names for out->kind, which is set. Private to proto. */
#ifndef ZGDBD_PROTO_ARGS_H
#define ZGDBD_PROTO_ARGS_H

#include "grammar.h"

typedef enum rsp_verdict args_fn(struct cursor *c, struct rsp_request *out);

static inline enum rsp_verdict verdict(bool good)
{
    return good ? RSP_OK : RSP_MALFORMED;
}

/* args_target.c */
args_fn args_all_registers, args_register, args_register_value, args_range, args_range_hex, args_range_binary,
    args_colon_range, args_search, args_point;
/* args_run.c */
args_fn args_resume, args_resume_signal, args_vcont, args_thread, args_comma_thread, args_colon_pid,
    args_semicolon_pid, args_colon_pid_optional, args_semicolon_pid_optional, args_run;
/* args_host.c */
args_fn args_none, args_ignored, args_flag, args_signals, args_supported, args_xfer, args_open, args_name,
    args_pread, args_colon_fd, args_monitor;

#endif
