/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What debugger and daemon tell each other about themselves, and threads: a thread is a CPU, its id the CPU
 * number plus one, in process 1. */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

/* A CPU's state, the text of its stop, and its PSW. */
#define THREAD_TEXT (sizeof(((struct stop *)0)->text) + 96u)

/* QPassSignals and QProgramSignals have an answer but are not announced: gdb would change them around each
 * breakpoint that it steps over, and twice for each instruction that it records. */
void cmd_supported(struct session *s, const struct rsp_request *r)
{
    struct rsp_out *o = &s->out;
    s->features = r->features;
    rsp_begin(o, RSP_PLAIN);
    rsp_str(o, "PacketSize=");
    rsp_hex_u64(o, RSP_PACKET_MAX);
    rsp_str(o, ";qXfer:features:read+;qXfer:exec-file:read+;qXfer:threads:read+;QStartNoAckMode+;"
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

/* ---- threads ---- */

/* The CPU of the request's thread, or -1 with the refusal sent. */
static int cpu_of(struct session *s, const struct rsp_request *r)
{
    int cpu = session_cpu(s, r->thread);
    if (cpu < 0)
        session_refuse(s, RSP_ESRCH, "there is no such CPU; thread n is CPU n-1");
    return cpu;
}

/* gdb sends Hg only when it wants something of a CPU that it does not know yet. For a list of all threads,
 * which begins with qXfer:threads:read, these are CPUs that its user has not selected. */
void cmd_set_thread_general(struct session *s, const struct rsp_request *r)
{
    int cpu = cpu_of(s, r);
    if (cpu < 0)
        return;
    if (s->browses)
        s->cpu = (unsigned)cpu;
    else
        session_select(s, (unsigned)cpu);
    rsp_reply(&s->out, "OK");
}

void cmd_set_thread_resume(struct session *s, const struct rsp_request *r)
{
    if (cpu_of(s, r) < 0)
        return;
    s->resume_tid = r->thread.tid;
    rsp_reply(&s->out, "OK");
}

/* gdb asks this at each `thread N`, and for each thread of `thread apply`, also if it knows all of the CPU.
 */
void cmd_thread_alive(struct session *s, const struct rsp_request *r)
{
    int cpu = cpu_of(s, r);
    if (cpu < 0)
        return;
    s->monitor_cpu = (unsigned)cpu;
    s->browses &= s->target->non_stop; /* there gdb looks at whichever CPU stops, too */
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

/* Behind the CPU's name. What is known of a CPU without stopping it is that it runs. */
static void thread_text(const struct session *s, unsigned cpu, char *text, size_t size)
{
    const struct target *t = s->target;
    bool stopped = target_stands(t) && session_attached(s);
    bool stopped_here = stopped && t->cpus[cpu].has_stop;
    struct psw psw;
    if (!stopped) {
        snprintf(text, size, "running");
        return;
    }
    psw = cpu_psw(t, cpu);
    snprintf(text, size, "%s%s%s; PSW %016llx %016llx", cpu_state_name(machine_state(t->machine, cpu)),
             stopped_here ? "; " : "", stopped_here ? t->cpus[cpu].stop.text : "",
             (unsigned long long)psw.mask, (unsigned long long)psw.addr);
}

void cmd_thread_extra(struct session *s, const struct rsp_request *r)
{
    char name[32], text[THREAD_TEXT];
    int cpu = cpu_of(s, r);
    if (cpu < 0)
        return;
    thread_text(s, (unsigned)cpu, text, sizeof text);
    snprintf(name, sizeof name, "CPU %d, ", cpu);
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_hex_str(&s->out, name);
    rsp_hex_str(&s->out, text);
    rsp_end(&s->out);
}

/* ---- qXfer:threads ---- */

/* Text as XML has it; a text has no quotes, since it stands between tags. */
static void put_escaped(FILE *f, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", f);
        else if (*text == '&')
            fputs("&amp;", f);
        else
            fputc(*text, f);
    }
}

/* The threads as they are now, from malloc. False without memory. */
static bool list_threads(struct session *s)
{
    const char *process = session_multiprocess(s) ? "p1." : "";
    char text[THREAD_TEXT];
    FILE *f;
    free(s->threads);
    s->threads = NULL;
    f = open_memstream(&s->threads, &s->threads_len);
    if (!f)
        return false;
    fputs("<?xml version=\"1.0\"?>\n<threads>\n", f);
    for (unsigned cpu = 0; cpu < s->target->machine->ncpus; cpu++) {
        thread_text(s, cpu, text, sizeof text);
        fprintf(f, "<thread id=\"%s%x\" core=\"%u\" name=\"CPU %u\">", process, cpu + 1, cpu, cpu);
        put_escaped(f, text);
        fputs("</thread>\n", f);
    }
    fputs("</threads>\n", f);
    return fclose(f) == 0 && s->threads;
}

/* What is read in several parts is of one moment, that of the first. gdb makes Hg right before it asks, so
 * that the CPU is known to which it went back behind `thread apply`; but in non-stop it asks at each stop,
 * too, for that CPU and not for its user's. */
void threads_read(struct session *s, uint64_t offset, uint64_t len)
{
    if (!s->target->non_stop)
        s->monitor_cpu = s->cpu;
    s->browses = true;
    if ((offset == 0 || !s->threads) && !list_threads(s))
        session_refuse(s, RSP_EIO, "no memory for the list of threads");
    else
        rsp_xfer(&s->out, s->threads, s->threads_len, offset, len);
}
