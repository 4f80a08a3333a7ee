/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running and stopping: ?, vCont, c, s, D, k, vKill, R, vRun, vAttach. A resume packet has no
 * reply of its own; the stop reply is its answer, and comes from target.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

void cmd_stop_reason(struct session *s, const struct rsp_request *r)
{
    (void)r;
    if (!s->target->non_stop)
        stop_reply(s);
    else if (target_tell_all(s->target))
        stop_reply_of(s, s->target->queue[0]);
    else
        rsp_reply(&s->out, "OK");
}

/* ---- resume ---- */

/* gdb takes an error in place of a stop reply as "it stopped at once"; the reason goes to its console. */
static void resume_failed(struct session *s, const char *text)
{
    if (!(s->features & RSP_FEATURE_ERROR_MESSAGE)) {
        char line[sizeof(struct err) + 1];
        snprintf(line, sizeof line, "%s\n", text);
        session_console(s, line, true);
    }
    session_refuse(s, RSP_EINVAL, text);
}

/* A machine that can never run: in words, and then gdb is where it was, at the thread that it has selected.
 * An error would do, too, but gdb puts a warning of its own behind it. */
static void stay(struct session *s)
{
    unsigned cpu = s->monitor_cpu;
    struct cpu_view *v = &s->target->cpus[cpu];
    bool quiet = v->quiet;
    char line[sizeof(struct err) + 1];
    snprintf(line, sizeof line, "%s\n", s->target->machine->fixed);
    session_console(s, line, true);
    session_select(s, cpu);
    v->quiet = true;
    stop_reply_of(s, cpu);
    v->quiet = quiet;
}

static void resume(struct session *s, const struct cpu_action action[MACHINE_MAX_CPUS])
{
    const struct machine *m = s->target->machine;
    bool steps = false, moves = false;
    struct err e;
    s->browses &= s->target->non_stop;
    for (unsigned cpu = 0; cpu < m->ncpus; cpu++) {
        steps |= action[cpu].verb >= CPU_STEP;
        moves |= action[cpu].verb != CPU_HOLD;
    }
    if (!moves && !s->target->non_stop)
        stop_reply(s);
    else if (m->fixed && !s->target->non_stop)
        stay(s);
    else if (!(m->caps & MACHINE_CAN_RUN))
        resume_failed(s, m->fixed ? m->fixed : "this target cannot run; it can only be looked at");
    else if (steps && !(m->caps & MACHINE_CAN_STEP))
        resume_failed(s, "this host cannot step a guest (no guest debugging by PER); use breakpoints");
    else if (target_resume(s->target, action, &e))
        resume_failed(s, e.text);
    else if (s->target->non_stop)
        rsp_reply(&s->out, "OK");
}

/* Whether a task is to be moved that no CPU runs: one that the packet names, or the selected one that is to
 * step. Then that is refused. */
static bool moves_task(struct session *s, bool moves)
{
    if (moves)
        resume_failed(s, TASK_STAYS);
    return moves;
}

/* c and s: the thread of Hc gets the verb. The others run with it, but stand still while one steps. */
static void resume_simple(struct session *s, const struct rsp_request *r, enum cpu_verb wanted)
{
    struct cpu_action action[MACHINE_MAX_CPUS] = {{CPU_HOLD, 0, 0}};
    const struct machine *m = s->target->machine;
    struct rsp_thread_id id = {TARGET_PID, s->resume_tid};
    unsigned cpu = (unsigned)session_cpu(s, id);
    bool one = wanted == CPU_STEP || s->resume_tid > 0;

    if (moves_task(s, s->task_tid && s->resume_tid <= 0 && (one || r->resume.has_addr)))
        return;
    if (r->resume.has_addr) {
        uint8_t addr[8];
        for (unsigned i = 0; i < sizeof addr; i++)
            addr[i] = (uint8_t)(r->resume.addr >> (56 - 8 * i));
        if (target_write_reg(s->target, cpu, REG_PSWA, addr)) {
            resume_failed(s, "the PSW address cannot be changed");
            return;
        }
    }
    for (unsigned i = 0; i < m->ncpus; i++)
        action[i].verb = !one || i == cpu ? wanted : CPU_HOLD;
    resume(s, action);
}

void cmd_continue(struct session *s, const struct rsp_request *r)
{
    resume_simple(s, r, CPU_CONTINUE);
}

void cmd_step(struct session *s, const struct rsp_request *r)
{
    resume_simple(s, r, CPU_STEP);
}

void cmd_vcont_query(struct session *s, const struct rsp_request *r)
{
    (void)r;
    /* gdb uses vCont only if s and S are among the actions; where the host cannot step, they are refused in
     * words. */
    rsp_reply(&s->out, "vCont;c;C;s;S;t;r");
}

static bool matches(struct rsp_thread_id id, unsigned cpu)
{
    if (id.pid != RSP_ANY && id.pid != RSP_ALL && id.pid != TARGET_PID)
        return false;
    return id.tid == RSP_ALL || id.tid == RSP_ANY || id.tid == (int64_t)cpu + 1;
}

/* In non-stop a CPU that is not named stays as it is, and one that is to stop does so at once. */
static struct cpu_action action_for(struct target *t, const struct rsp_request *r, unsigned cpu)
{
    static const enum cpu_verb verbs[] = {[RSP_ACTION_CONTINUE] = CPU_CONTINUE,
                                          [RSP_ACTION_STEP] = CPU_STEP,
                                          [RSP_ACTION_STOP] = CPU_HOLD,
                                          [RSP_ACTION_RANGE] = CPU_STEP_RANGE};
    for (unsigned i = 0; i < r->vcont.count; i++) {
        const struct rsp_action *a = &r->vcont.actions[i];
        if (!matches(a->thread, cpu))
            continue;
        if (t->non_stop && a->type == RSP_ACTION_STOP)
            target_halt_cpu(t, cpu);
        return (struct cpu_action){verbs[a->type], a->start, a->end};
    }
    return (struct cpu_action){.verb = CPU_HOLD};
}

/* Signals of C and S are ignored: a CPU takes none. While the guest runs, only t has a meaning. */
void cmd_vcont(struct session *s, const struct rsp_request *r)
{
    struct cpu_action action[MACHINE_MAX_CPUS] = {{CPU_HOLD, 0, 0}};
    struct target *t = s->target;
    if (session_attached(s) && t->state == ATTACHED_RUNNING && r->vcont.actions[0].type == RSP_ACTION_STOP) {
        target_interrupt(s->target);
        return;
    }
    if (!session_attached(s) || !target_stands(t)) {
        session_refuse(s, RSP_EBUSY, "the guest already runs");
        return;
    }
    for (unsigned i = 0; i < r->vcont.count; i++)
        if (moves_task(s, is_task(r->vcont.actions[i].thread.tid) &&
                              r->vcont.actions[i].type != RSP_ACTION_STOP))
            return;
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        action[cpu] = action_for(t, r, cpu);
    resume(s, action);
}

/* ---- non-stop ---- */

void cmd_non_stop(struct session *s, const struct rsp_request *r)
{
    s->non_stop = r->flag;
    if (session_attached(s))
        target_set_non_stop(s->target, r->flag);
    rsp_reply(&s->out, "OK");
}

/* vStopped: the stop that was told last has arrived. */
void cmd_next_stopped(struct session *s, const struct rsp_request *r)
{
    int cpu = session_attached(s) ? target_next_told(s->target) : -1;
    (void)r;
    if (cpu < 0)
        rsp_reply(&s->out, "OK");
    else
        stop_reply_of(s, (unsigned)cpu);
}

void cmd_ctrl_c(struct session *s, const struct rsp_request *r)
{
    (void)r;
    rsp_reply(&s->out, "OK");
    if (session_attached(s))
        target_interrupt(s->target);
}

/* ---- coming and going ---- */

static bool our_pid(int64_t pid)
{
    return pid == RSP_ANY || pid == RSP_ALL || pid == TARGET_PID;
}

static void no_such_process(struct session *s)
{
    session_refuse(s, RSP_ESRCH, "the guest is process 1; there is no other");
}

void cmd_detach(struct session *s, const struct rsp_request *r)
{
    if (!our_pid(r->pid)) {
        no_such_process(s);
        return;
    }
    if (session_attached(s)) {
        s->phase = SESSION_DETACHED;
        target_detach(s->target);
    }
    rsp_reply(&s->out, "OK");
}

/* k has no reply. It ends the conversation, but in extended mode, where R, vRun or vAttach may follow. */
void cmd_kill(struct session *s, const struct rsp_request *r)
{
    (void)r;
    if (session_attached(s))
        target_kill(s->target, NULL);
    if (!s->extended)
        s->phase = SESSION_CLOSING;
}

void cmd_kill_pid(struct session *s, const struct rsp_request *r)
{
    struct err e;
    if (!our_pid(r->pid))
        no_such_process(s);
    else if (!session_attached(s))
        session_refuse(s, RSP_EBUSY, "this debugger is not attached");
    else if (target_kill(s->target, &e))
        session_refuse(s, RSP_EIO, e.text);
    else
        rsp_reply(&s->out, "OK");
}

/* R has no reply. */
void cmd_restart(struct session *s, const struct rsp_request *r)
{
    char line[sizeof(struct err) + 1];
    struct err e;
    (void)r;
    if (target_reset(s->target, RESET_LOAD_CLEAR, NULL, &e) == 0)
        return;
    snprintf(line, sizeof line, "%s\n", e.text);
    session_console(s, line, true);
}

/* The arguments in one line, from malloc. gdb has split what the user wrote at blanks and taken quotes away:
 * an argument with a blank in it gets double quotes, as Linux takes them. NULL without memory. */
static char *command_line(const struct rsp_request *r)
{
    const char *arg = r->run.args;
    size_t size;
    char *line = NULL;
    FILE *f = open_memstream(&line, &size);
    if (!f)
        return NULL;
    for (unsigned i = 0; i < r->run.argc; i++, arg += strlen(arg) + 1) {
        const char *quote = strchr(arg, ' ') && !strchr(arg, '"') ? "\"" : "";
        fprintf(f, "%s%s%s%s", i ? " " : "", quote, arg, quote);
    }
    if (fclose(f) == 0)
        return line;
    free(line);
    return NULL;
}

/* The file is the image whatever its name, which gdb may not even know. The arguments, if there are any, are
 * the guest's new command line; without any it starts with the one that it had. */
void cmd_run_program(struct session *s, const struct rsp_request *r)
{
    char *line = r->run.argc ? command_line(r) : NULL;
    struct err e;
    if (r->run.argc && !line)
        session_refuse(s, RSP_EIO, "no memory for the command line");
    else if (target_reset(s->target, RESET_LOAD_CLEAR, line, &e))
        session_refuse(s, RSP_EIO, e.text);
    else
        stop_reply(s);
    free(line);
}

void cmd_attach(struct session *s, const struct rsp_request *r)
{
    if (!our_pid(r->pid)) {
        no_such_process(s);
    } else if (s->target->non_stop) { /* that the CPUs stand is told by notifications */
        target_tell_all(s->target);
        s->target->in_flight = s->target->told_alone = false;
        rsp_reply(&s->out, "OK");
    } else {
        stop_reply(s);
    }
}
