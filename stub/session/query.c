/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What debugger and daemon tell each other about themselves, and threads: a thread is a CPU, its id the CPU
 * number plus one, in process 1. */
#include <stdio.h>

#include "internal.h"

void cmd_supported(struct session *s, const struct rsp_request *r)
{
    struct rsp_out *o = &s->out;
    s->features = r->features;
    rsp_begin(o, RSP_PLAIN);
    rsp_str(o, "PacketSize=");
    rsp_hex_u64(o, RSP_PACKET_MAX);
    rsp_str(o, ";qXfer:features:read+;qXfer:exec-file:read+;QStartNoAckMode+;vContSupported+;binary-upload+");
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

/* ---- threads ---- */

/* The CPU of the request's thread, or -1 with the refusal sent. */
static int cpu_of(struct session *s, const struct rsp_request *r)
{
    int cpu = session_cpu(s, r->thread);
    if (cpu < 0)
        session_refuse(s, RSP_ESRCH, "there is no such CPU; thread n is CPU n-1");
    return cpu;
}

void cmd_set_thread_general(struct session *s, const struct rsp_request *r)
{
    int cpu = cpu_of(s, r);
    if (cpu < 0)
        return;
    s->cpu = (unsigned)cpu;
    rsp_reply(&s->out, "OK");
}

void cmd_set_thread_resume(struct session *s, const struct rsp_request *r)
{
    if (cpu_of(s, r) < 0)
        return;
    s->resume_tid = r->thread.tid;
    rsp_reply(&s->out, "OK");
}

void cmd_thread_alive(struct session *s, const struct rsp_request *r)
{
    if (cpu_of(s, r) >= 0)
        rsp_reply(&s->out, "OK");
}

void cmd_current_thread(struct session *s, const struct rsp_request *r)
{
    (void)r;
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "QC");
    session_thread(s, s->cpu);
    rsp_end(&s->out);
}

void cmd_threads_first(struct session *s, const struct rsp_request *r)
{
    (void)r;
    rsp_begin(&s->out, RSP_PLAIN);
    for (unsigned cpu = 0; cpu < s->target->machine->ncpus; cpu++) {
        rsp_str(&s->out, cpu ? "," : "m");
        session_thread(s, cpu);
    }
    rsp_end(&s->out);
}

void cmd_threads_next(struct session *s, const struct rsp_request *r)
{
    (void)r;
    rsp_reply(&s->out, "l");
}

const char *cpu_state_name(enum cpu_state state)
{
    static const char *const names[] = {[CPU_RUNNING] = "operating",
                                        [CPU_WAITING] = "enabled wait",
                                        [CPU_DISABLED_WAIT] = "disabled wait",
                                        [CPU_STOPPED] = "stopped"};
    return names[state];
}

void cmd_thread_extra(struct session *s, const struct rsp_request *r)
{
    const struct target *t = s->target;
    char text[320];
    int cpu = cpu_of(s, r);
    if (cpu < 0)
        return;
    bool stopped_here = t->has_stop && t->stop.cpu == (unsigned)cpu;
    snprintf(text, sizeof text, "CPU %d, %s%s%s", cpu,
             cpu_state_name(machine_state(t->machine, (unsigned)cpu)), stopped_here ? "; " : "",
             stopped_here ? t->stop.text : "");
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_hex_str(&s->out, text);
    rsp_end(&s->out);
}
