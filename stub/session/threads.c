/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the debugger knows as threads of process 1. A CPU is one, its id the CPU's number plus one. If the
 * user wants the guest's tasks too, each that no CPU runs is one, its id made of its pid: of it the debugger
 * sees what the kernel has kept when it switched to another, and it cannot be moved by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/log.h"

/* A CPU's state, the text of its stop, its PSW, and that there are no tasks. */
#define THREAD_TEXT (sizeof(((struct stop *)0)->text) + 160u)
#define THREAD_NAME 64u
#define IDS_IN_REPLY 200u

/* ---- tasks ---- */

/* They are those of a moment: not while CPUs run, nor in non-stop, where gdb believes that a thread runs
 * until it hears of a stop. */
static bool may_see_tasks(const struct session *s)
{
    return s->target->shows_tasks && !s->target->non_stop && target_stands(s->target) && session_attached(s);
}

/* All tasks: linux_tasks(). None, and false, if there are none to be seen; why is logged when it is new. */
static bool tasks(const struct session *s, const struct linux_task **list, size_t *n)
{
    struct target *t = s->target;
    struct err e;
    *n = 0;
    if (!may_see_tasks(s))
        return false;
    if (linux_tasks(t->linux_guest, list, n, &e) == 0)
        return true;
    if (strcmp(t->no_tasks.text, e.text) != 0)
        log_msg(LOG_WARNING, "the guest's tasks cannot be shown as threads: %s", e.text);
    t->no_tasks = e;
    return false;
}

/* The task of a pid that no CPU runs, or NULL. The list is by pid, 0 last. */
static const struct linux_task *task_of(const struct session *s, int64_t pid)
{
    const struct linux_task *list;
    size_t n, low = 0;
    tasks(s, &list, &n);
    for (size_t high = n; low < high;) {
        size_t at = low + (high - low) / 2;
        if (list[at].pid != 0 && (pid == 0 || list[at].pid < pid))
            low = at + 1;
        else
            high = at;
    }
    while (low < n && list[low].pid == pid && list[low].cpu >= 0)
        low++;
    return low < n && list[low].pid == pid ? &list[low] : NULL;
}

/* Whether an entry of the list is a thread of its own: what task_of() gives for its pid. */
static bool is_thread(const struct linux_task *list, size_t at)
{
    return list[at].cpu < 0 && (at == 0 || list[at - 1].pid != list[at].pid || list[at - 1].cpu >= 0);
}

static const struct linux_task *task_on(const struct session *s, unsigned cpu)
{
    const struct linux_task *list;
    size_t n;
    tasks(s, &list, &n);
    for (size_t i = 0; i < n; i++)
        if (list[i].cpu == (int)cpu)
            return &list[i];
    return NULL;
}

const struct linux_task *session_task(const struct session *s)
{
    return s->task_tid ? task_of(s, s->task_tid - TASK_TID) : NULL;
}

const struct linux_task *session_monitor_task(const struct session *s)
{
    return s->monitor_task ? task_of(s, s->monitor_task - TASK_TID) : NULL;
}

int session_read_reg(const struct session *s, unsigned reg, uint8_t *bytes)
{
    const struct linux_task *task = session_task(s);
    uint64_t gprs[LINUX_SWITCH_GPRS];
    if (!s->task_tid)
        return machine_read_reg(s->target->machine, s->cpu, reg, bytes);
    if (!task || !linux_task_gprs(s->target->linux_guest, task, gprs))
        return -1;
    if (reg == REG_PSWM)
        store_be64(bytes, LINUX_SWITCH_PSW_MASK);
    else if (reg == REG_PSWA)
        store_be64(bytes, gprs[14 - 6]);
    else if (reg >= REG_R0 + 6 && reg <= REG_R0 + 15)
        store_be64(bytes, gprs[reg - REG_R0 - 6]);
    else
        return -1;
    return 0;
}

/* ---- ids ---- */

static void put_id(struct session *s, int64_t tid)
{
    struct rsp_thread_id id = {TARGET_PID, tid};
    rsp_thread(&s->out, id, session_multiprocess(s));
}

void session_thread(struct session *s, unsigned cpu)
{
    put_id(s, cpu + 1);
}

static bool our_process(struct rsp_thread_id id)
{
    return id.pid == RSP_ANY || id.pid == RSP_ALL || id.pid == TARGET_PID;
}

int session_cpu(const struct session *s, struct rsp_thread_id id)
{
    if (!our_process(id))
        return -1;
    if (id.tid == RSP_ANY || id.tid == RSP_ALL)
        return (int)s->cpu;
    return id.tid >= 1 && id.tid <= s->target->machine->ncpus ? (int)(id.tid - 1) : -1;
}

/* What a thread-id means: one of the two. */
struct thread {
    unsigned cpu;
    const struct linux_task *task; /* NULL: the CPU */
};

/* "any" and "all" give the selected one. */
static bool find_thread(const struct session *s, struct rsp_thread_id id, struct thread *out)
{
    int cpu = session_cpu(s, id);
    int64_t tid = id.tid == RSP_ANY || id.tid == RSP_ALL ? s->task_tid : id.tid;
    *out = (struct thread){.cpu = cpu < 0 ? 0 : (unsigned)cpu};
    if (our_process(id) && is_task(tid))
        out->task = task_of(s, tid - TASK_TID);
    return out->task || (cpu >= 0 && !is_task(tid));
}

/* The same for a request; if there is none such that is said. */
static bool take_thread(struct session *s, const struct rsp_request *r, struct thread *out)
{
    if (find_thread(s, r->thread, out))
        return true;
    session_refuse(s, RSP_ESRCH,
                   is_task(r->thread.tid) ? "this task is no more, or runs on a CPU now"
                                          : "there is no such CPU; thread n is CPU n-1");
    return false;
}

/* gdb sends Hg only when it wants something of a thread that it does not know yet. For a list of all threads,
 * which begins with qXfer:threads:read, these are threads that its user has not selected. */
void cmd_set_thread_general(struct session *s, const struct rsp_request *r)
{
    struct thread thread;
    if (!take_thread(s, r, &thread))
        return;
    if (thread.task)
        s->task_tid = TASK_TID + thread.task->pid;
    else if (!s->browses)
        session_select(s, thread.cpu);
    else {
        s->cpu = thread.cpu;
        s->task_tid = 0;
    }
    if (!s->browses)
        s->monitor_task = s->task_tid;
    rsp_reply(&s->out, "OK");
}

void cmd_set_thread_resume(struct session *s, const struct rsp_request *r)
{
    struct thread thread;
    if (!take_thread(s, r, &thread))
        return;
    if (is_task(r->thread.tid)) {
        session_refuse(s, RSP_EINVAL, TASK_STAYS);
        return;
    }
    s->resume_tid = r->thread.tid;
    rsp_reply(&s->out, "OK");
}

/* gdb asks this at each `thread N`, and for each thread of `thread apply`, also if it knows all of it.
 */
void cmd_thread_alive(struct session *s, const struct rsp_request *r)
{
    struct thread thread;
    if (!take_thread(s, r, &thread))
        return;
    s->monitor_task = thread.task ? TASK_TID + thread.task->pid : 0;
    if (!thread.task)
        s->monitor_cpu = thread.cpu;
    s->browses &= s->target->non_stop; /* there gdb looks at whichever CPU stops, too */
    rsp_reply(&s->out, "OK");
}

void cmd_current_thread(struct session *s, const struct rsp_request *r)
{
    (void)r;
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "QC");
    put_id(s, s->task_tid ? s->task_tid : s->cpu + 1);
    rsp_end(&s->out);
}

/* ---- lists ---- */

/* A reply with the ids from entry s->next_thread on, of the CPUs and then of the list of tasks. */
static void put_ids(struct session *s)
{
    const struct linux_task *list;
    size_t n, put = 0, ncpus = s->target->machine->ncpus;
    tasks(s, &list, &n);
    rsp_begin(&s->out, RSP_PLAIN);
    for (; s->next_thread < ncpus + n && put < IDS_IN_REPLY; s->next_thread++) {
        size_t at = s->next_thread;
        const struct linux_task *task = at < ncpus ? NULL : &list[at - ncpus];
        if (task && !is_thread(list, at - ncpus))
            continue;
        rsp_str(&s->out, put++ ? "," : "m");
        put_id(s, task ? TASK_TID + task->pid : (int64_t)at + 1);
    }
    if (!put)
        rsp_str(&s->out, "l");
    rsp_end(&s->out);
}

void cmd_threads_first(struct session *s, const struct rsp_request *r)
{
    (void)r;
    s->next_thread = 0;
    put_ids(s);
}

void cmd_threads_next(struct session *s, const struct rsp_request *r)
{
    (void)r;
    put_ids(s);
}

/* ---- in words ---- */

const char *task_state_name(char letter)
{
    static const char letters[] = "RSDTtZPI";
    static const char *const names[] = {
        "ready", "sleeping", "uninterruptible sleep", "stopped", "traced", "zombie", "parked", "idle"};
    const char *at = letter ? strchr(letters, letter) : NULL;
    return at ? names[at - letters] : "in no known state";
}

/* What is known of a CPU without stopping it is that it runs. */
static void cpu_text(const struct session *s, unsigned cpu, char *text, size_t size)
{
    const struct target *t = s->target;
    bool stopped = target_stands(t) && session_attached(s);
    bool stopped_here = stopped && t->cpus[cpu].has_stop;
    const struct linux_task *list;
    struct psw psw;
    size_t n;
    if (!stopped) {
        snprintf(text, size, "running");
        return;
    }
    psw = cpu_psw(t, cpu);
    snprintf(text, size, "%s%s%s; PSW %016llx %016llx%s", cpu_state_name(machine_state(t->machine, cpu)),
             stopped_here ? "; " : "", stopped_here ? t->cpus[cpu].stop.text : "",
             (unsigned long long)psw.mask, (unsigned long long)psw.addr,
             may_see_tasks(s) && !tasks(s, &list, &n) ? "; no tasks: `monitor ps` says why" : "");
}

static void task_text(const struct session *s, const struct linux_task *task, char *text, size_t size)
{
    char last[32] = "";
    if (task->last_cpu >= 0)
        snprintf(last, sizeof last, ", last on CPU %d", task->last_cpu);
    snprintf(text, size, "%d/%d, %s%s%s", task->pid, task->tgid,
             task_state_name(linux_task_letter(s->target->linux_guest, task)), last,
             task->kernel ? ", of the kernel" : "");
}

/* Its name, and what stands behind it. */
static void describe(const struct session *s, const struct thread *thread, char name[THREAD_NAME],
                     char text[THREAD_TEXT])
{
    const struct linux_task *runs = thread->task ? NULL : task_on(s, thread->cpu);
    if (thread->task) {
        snprintf(name, THREAD_NAME, "%s", thread->task->comm);
        task_text(s, thread->task, text, THREAD_TEXT);
        return;
    }
    if (runs)
        snprintf(name, THREAD_NAME, "CPU %u: %s %d", thread->cpu, runs->comm, runs->pid);
    else
        snprintf(name, THREAD_NAME, "CPU %u", thread->cpu);
    cpu_text(s, thread->cpu, text, THREAD_TEXT);
}

void cmd_thread_extra(struct session *s, const struct rsp_request *r)
{
    char name[THREAD_NAME], text[THREAD_TEXT];
    struct thread thread;
    if (!take_thread(s, r, &thread))
        return;
    describe(s, &thread, name, text);
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_hex_str(&s->out, name);
    rsp_hex_str(&s->out, ", ");
    rsp_hex_str(&s->out, text);
    rsp_end(&s->out);
}

/* ---- qXfer:threads ---- */

static void put_thread(const struct session *s, const struct thread *thread, FILE *f)
{
    char name[THREAD_NAME], text[THREAD_TEXT];
    int64_t tid = thread->task ? TASK_TID + thread->task->pid : (int64_t)thread->cpu + 1;
    describe(s, thread, name, text);
    fprintf(f, "<thread id=\"%s%llx\"", session_multiprocess(s) ? "p1." : "", (unsigned long long)tid);
    if (!thread->task)
        fprintf(f, " core=\"%u\"", thread->cpu);
    fputs(" name=\"", f);
    xml_put(f, name);
    fputs("\">", f);
    xml_put(f, text);
    fputs("</thread>\n", f);
}

/* The threads as they are now, from malloc. False without memory. */
static bool list_threads(struct session *s)
{
    const struct linux_task *list;
    size_t n;
    FILE *f;
    free(s->threads);
    s->threads = NULL;
    f = open_memstream(&s->threads, &s->threads_len);
    if (!f)
        return false;
    fputs("<?xml version=\"1.0\"?>\n<threads>\n", f);
    for (unsigned cpu = 0; cpu < s->target->machine->ncpus; cpu++)
        put_thread(s, &(struct thread){.cpu = cpu}, f);
    tasks(s, &list, &n);
    for (size_t i = 0; i < n; i++)
        if (is_thread(list, i))
            put_thread(s, &(struct thread){.task = &list[i]}, f);
    fputs("</threads>\n", f);
    return fclose(f) == 0 && s->threads;
}

/* What is read in several parts is of one moment, that of the first. gdb makes Hg right before it asks, so
 * that the CPU is known to which it went back behind `thread apply`; but in non-stop it asks at each stop,
 * too, for that CPU and not for its user's. */
void threads_read(struct session *s, uint64_t offset, uint64_t len)
{
    if (!s->target->non_stop) {
        s->monitor_cpu = s->cpu;
        s->monitor_task = s->task_tid;
    }
    s->browses = true;
    if ((offset == 0 || !s->threads) && !list_threads(s))
        session_refuse(s, RSP_EIO, "no memory for the list of threads");
    else
        rsp_xfer(&s->out, s->threads, s->threads_len, offset, len);
}
