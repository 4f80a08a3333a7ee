/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What debugger and daemon tell each other about themselves. */
#include "internal.h"

/* QPassSignals and QProgramSignals have an answer but are not announced: gdb would change them around each
 * breakpoint that it steps over, and twice for each instruction that it records. */
void cmd_supported(struct session *s, const struct rsp_request *r)
{
    struct rsp_out *o = &s->out;
    s->features = r->features;
    rsp_begin(o, RSP_PLAIN);
    rsp_str(o, "PacketSize=");
    rsp_hex_u64(o, RSP_PACKET_MAX);
    rsp_str(o, ";qXfer:features:read+;qXfer:exec-file:read+;qXfer:threads:read+;qXfer:libraries:read+;qXfer:"
               "libraries-svr4:read+;"
               "QStartNoAckMode+;"
               "vContSupported+;binary-upload+;ConditionalBreakpoints+;BreakpointCommands+;QNonStop+;"
               "QThreadEvents+");
    if (r->features & RSP_FEATURE_SWBREAK)
        rsp_str(o, ";swbreak+");
    if (r->features & RSP_FEATURE_HWBREAK)
        rsp_str(o, ";hwbreak+");
    if (r->features & RSP_FEATURE_ERROR_MESSAGE)
        rsp_str(o, ";error-message+");
    if (r->features & RSP_FEATURE_MULTIPROCESS)
        rsp_str(o, ";multiprocess+");
    rsp_end(o);
}

void cmd_no_ack(struct session *s, const struct rsp_request *r)
{
    (void)r;
    rsp_reply(&s->out, "OK");
    s->parser.no_ack = true;
}

void cmd_extended(struct session *s, const struct rsp_request *r)
{
    (void)r;
    s->extended = true;
    rsp_reply(&s->out, "OK");
}

/* QThreadEvents, QPassSignals, QProgramSignals: CPUs neither come nor go, and take no signals, so that what
 * is asked for is so already. */
void cmd_accept(struct session *s, const struct rsp_request *r)
{
    (void)r;
    rsp_reply(&s->out, "OK");
}

/* qAttached: the guest was there before the debugger, so that gdb detaches when it ends, and does not kill.
 */
void cmd_attached(struct session *s, const struct rsp_request *r)
{
    if (r->pid == RSP_ANY || r->pid == RSP_ALL || r->pid == TARGET_PID)
        rsp_reply(&s->out, "1");
    else
        session_refuse(s, RSP_ESRCH, "the guest is process 1; there is no other");
}
