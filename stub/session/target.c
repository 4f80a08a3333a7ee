/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's life cycle as the debugger's side sees it, as a table of states and events: who is attached,
 * who runs, and what follows from a stop, a lost connection or the guest's end. The only place that resumes,
 * interrupts or resets the machine. */
#include <stdlib.h>
#include <string.h>

#include "libraries.h"
#include "target.h"
#include "zgdbd/log.h"

enum target_event {
    EVENT_START,  /* --run */
    EVENT_ATTACH, /* a session's first valid packet; t->session is set */
    EVENT_DETACH, /* D */
    EVENT_LOST,   /* the attached session's connection is gone */
    EVENT_KILL,
    EVENT_RESUME, /* t->plan.action is set */
    EVENT_INTERRUPT,
    EVENT_STOP, /* t->batch is set; no CPU runs */
    EVENT_NON_STOP,
    EVENT_ALL_STOP,
    EVENT_PAUSE, /* a request needs the machine still, in non-stop */
    EVENT_IDLE,  /* nothing more is asked for now */
    EVENT_WORK,  /* a WRITING state is to go on */
    TARGET_EVENTS,
};

enum target_state target_end(struct target *t, int status)
{
    t->exit_status = status;
    return ENDED;
}

/* Another one will run. */
static void forget_guest(struct target *t, bool loaded)
{
    linux_reset(t->linux_guest);
    symbols_reset(t);
    t->ran = loaded ? 0 : t->ran;
}

int target_run_plan(struct target *t, struct err *e)
{
    registry_snapshot(t);
    symbols_plan(t);
    if (machine_resume(t->machine, &t->plan, e))
        return -1;
    linux_changed(t->linux_guest);
    return 0;
}

int target_go(struct target *t, struct err *e)
{
    if (t->has_stop && t->stop.reason == STOP_RESET)
        forget_guest(t, t->stop.reloads);
    if (target_run_plan(t, e))
        return -1;
    t->dead = false;
    t->killed = false;
    t->resumed = target_clock();
    per_tell(t);
    return 0;
}

static int resume_all(struct target *t, struct err *e)
{
    for (unsigned cpu = 0; cpu < MACHINE_MAX_CPUS; cpu++)
        t->plan.action[cpu] = (struct cpu_action){.verb = CPU_CONTINUE};
    if (target_go(t, e))
        return -1;
    stops_clear(t);
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        stops_run(t, cpu, t->plan.action[cpu]);
    return 0;
}

int target_load(struct target *t, enum machine_reset_kind kind, const char *append, struct err *e)
{
    if (machine_reset(t->machine, kind, append, e))
        return -1;
    forget_guest(t, true);
    stops_clear(t);
    t->has_stop = false;
    t->dead = false;
    return 0;
}

void target_take(struct target *t, const struct stop *stop)
{
    t->stop = *stop;
    t->has_stop = true;
    t->dead = stop_is_end(stop->reason) && stop->reason != STOP_RESET;
    t->cpus[stop->cpu].side = SIDE_HELD;
    t->cpus[stop->cpu].has_stop = true;
    t->cpus[stop->cpu].quiet = false;
    t->cpus[stop->cpu].stop = *stop;
}

static enum target_state settle_alone(struct target *t, struct err *e);

/* The guest goes on without a debugger, unless it has come to an end that was already shown. */
static enum target_state run_free(struct target *t, struct err *e)
{
    struct stop untold;
    if (stops_untold_end(t, &untold)) {
        stops_clear(t);
        target_take(t, &untold);
        return settle_alone(t, e);
    }
    registry_leave(t);
    if (!(t->machine->caps & MACHINE_CAN_RUN))
        return DETACHED_STOPPED;
    if (t->dead) {
        log_msg(LOG_INFO, "the guest cannot run on (%s) and stays as it is",
                stop_reason_name(t->stop.reason));
        return DETACHED_STOPPED;
    }
    if (resume_all(t, e) == 0)
        return DETACHED_RUNNING;
    log_msg(LOG_ERROR, "the guest stays stopped: %s", e->text);
    return DETACHED_STOPPED;
}

/* ---- the guest's ends ---- */

/* After a reset that the guest asked for, resuming is what performs it, in the way that it asked for. */
int target_restart(struct target *t, struct err *e)
{
    if (t->stop.reason != STOP_RESET && target_load(t, RESET_LOAD_CLEAR, NULL, e))
        return -1;
    return resume_all(t, e);
}

/* What follows from t->stop with nobody attached. */
static enum target_state act_alone(struct target *t, struct err *e)
{
    enum guest_action action = end_action(t, false);
    if (action == ACTION_EXIT)
        return target_end(t, end_status(t->stop.reason));
    if (action == ACTION_STOP) {
        log_msg(LOG_WARNING, "the guest stays stopped; it waits for a debugger");
        return DETACHED_STOPPED;
    }
    if (target_restart(t, e) == 0)
        return DETACHED_RUNNING;
    log_msg(LOG_ERROR, "the guest cannot be restarted: %s", e->text);
    return target_end(t, EXIT_OTHER);
}

/* t->stop with nobody attached: it is told, and written. */
static enum target_state settle_alone(struct target *t, struct err *e)
{
    enum guest_action action = end_action(t, false);
    bool told = true;
    if (t->stop.reason == STOP_WORD)
        return news_stay(t);
    if (!stop_is_end(t->stop.reason))
        return run_free(t, e);
    registry_leave(t);
    if (action == ACTION_RESTART)
        told = end_log_restart(t);
    else if (action == ACTION_EXIT)
        end_log(t);
    else /* Whoever sits at the console sees nothing move from here on, and is told why whatever it is. */
        end_log_as(t, LOG_WARNING);
    if (told && stop_is_crash(t->stop.reason) && writing_begin(t, act_alone))
        return DETACHED_WRITING;
    return act_alone(t, e);
}

/* The stop that matters where nobody is told of each. */
static void take_one(struct target *t)
{
    size_t i = 0;
    while (i < t->nbatch && !stop_is_end(t->batch[i].reason))
        i++;
    stops_clear(t);
    target_take(t, &t->batch[i < t->nbatch ? i : 0]);
}

static enum target_state stop_alone(struct target *t, struct err *e)
{
    take_one(t);
    return settle_alone(t, e);
}

/* ---- events ---- */

static enum target_state standing(const struct target *t)
{
    if (!t->session)
        return DETACHED_STOPPED;
    return t->non_stop ? NONSTOP_STOPPED : ATTACHED_STOPPED;
}

/* The debugger before may have gone in the middle of a request of non-stop. */
static enum target_state attach_stopped(struct target *t, struct err *e)
{
    (void)e;
    stops_all_stop(t);
    return standing(t);
}

static enum target_state attach_running(struct target *t, struct err *e)
{
    (void)e;
    t->intent = INTENT_HOLD;
    machine_interrupt(t->machine);
    return ATTACHED_HALTING;
}

/* The interrupt is on its way already, and a kill that waits for the stop is still done. The breakpoints of
 * the debugger that went are not the new one's. */
static enum target_state attach_halting(struct target *t, struct err *e)
{
    (void)e;
    registry_leave(t);
    return ATTACHED_HALTING;
}

static enum target_state detach_stopped(struct target *t, struct err *e)
{
    return run_free(t, e);
}

/* Breakpoints can be taken out only while nothing runs: the guest halts for a moment even where it is to run
 * on. */
static enum target_state detach_running(struct target *t, struct err *e)
{
    (void)e;
    t->intent = INTENT_RUN;
    machine_interrupt(t->machine);
    return DETACHED_HALTING;
}

static enum target_state lost_stopped(struct target *t, struct err *e)
{
    if (!t->killed && t->policy.on_disconnect == DISCONNECT_EXIT)
        return target_end(t, EXIT_SHUTDOWN);
    if (!t->killed && t->policy.on_disconnect == DISCONNECT_RUN)
        return run_free(t, e);
    registry_leave(t);
    return DETACHED_STOPPED;
}

static enum target_state lost_running(struct target *t, struct err *e)
{
    (void)e;
    if (t->policy.on_disconnect == DISCONNECT_EXIT)
        return target_end(t, EXIT_SHUTDOWN);
    t->intent = t->policy.on_disconnect == DISCONNECT_RUN ? INTENT_RUN : INTENT_HOLD;
    machine_interrupt(t->machine);
    return DETACHED_HALTING;
}

static enum target_state lost_halting(struct target *t, struct err *e)
{
    return t->intent == INTENT_RESET ? DETACHED_HALTING : lost_running(t, e);
}

/* A machine that cannot run has nothing to be ended: the next debugger finds it as it is. */
static enum target_state load_again(struct target *t, struct err *e)
{
    registry_clear(t);
    if (!(t->machine->caps & MACHINE_CAN_RUN))
        return standing(t);
    stops_clear(t);
    if (target_load(t, RESET_LOAD_CLEAR, NULL, e))
        log_msg(LOG_ERROR, "the guest was killed and cannot be loaded again: %s", e->text);
    return standing(t);
}

static enum target_state kill_stopped(struct target *t, struct err *e)
{
    t->killed = true;
    return load_again(t, e);
}

static enum target_state kill_running(struct target *t, struct err *e)
{
    (void)e;
    t->killed = true;
    t->intent = INTENT_RESET;
    machine_interrupt(t->machine);
    return ATTACHED_HALTING;
}

static enum target_state interrupt_running(struct target *t, struct err *e)
{
    (void)e;
    t->interrupted = true;
    machine_interrupt(t->machine);
    return ATTACHED_RUNNING;
}

/* It crossed the stop on its way. */
static enum target_state interrupt_stopped(struct target *t, struct err *e)
{
    (void)e;
    t->interrupt_due = t->news_told || stop_leaves_interrupt(t->stop.reason);
    return ATTACHED_STOPPED;
}

/* An end of which the debugger that came meanwhile was not told. */
static enum target_state act_untold(struct target *t, struct err *e)
{
    (void)e;
    if (end_action(t, true) == ACTION_EXIT)
        return target_end(t, end_status(t->stop.reason));
    return standing(t);
}

/* Nothing is owed to the debugger here but the answers to what it asked meanwhile. */
static enum target_state stop_attached_halting(struct target *t, struct err *e)
{
    take_one(t);
    session_select(t->session, t->stop.cpu);
    if (t->intent == INTENT_RESET)
        return load_again(t, e);
    if (!stop_is_end(t->stop.reason))
        return standing(t);
    if (stop_is_crash(t->stop.reason) || end_action(t, true) == ACTION_EXIT)
        end_log(t);
    if (stop_is_crash(t->stop.reason) && writing_begin(t, act_untold))
        return ATTACHED_WRITING;
    return act_untold(t, e);
}

/* A debugger comes, or goes, while something is written. */
static enum target_state attach_writing(struct target *t, struct err *e)
{
    (void)e;
    t->writing.then = act_untold;
    t->writing.restarts = false;
    return ATTACHED_WRITING;
}

/* What the user wants done at such an end whoever is there is done, though the debugger is gone. */
static enum target_state act_lost(struct target *t, struct err *e)
{
    if (end_action(t, true) == ACTION_EXIT)
        return target_end(t, end_status(t->stop.reason));
    if (t->writing.restarts && t->policy.on_disconnect == DISCONNECT_RUN)
        return act_alone(t, e);
    return lost_stopped(t, e);
}

static enum target_state lost_writing(struct target *t, struct err *e)
{
    (void)e;
    t->writing.then = act_lost;
    return DETACHED_WRITING;
}

static enum target_state stop_detached_halting(struct target *t, struct err *e)
{
    take_one(t);
    if (t->intent == INTENT_RESET)
        return load_again(t, e);
    if (t->intent == INTENT_RUN)
        return settle_alone(t, e);
    if (stop_is_end(t->stop.reason) && end_action(t, false) != ACTION_RESTART)
        return settle_alone(t, e);
    registry_leave(t);
    return DETACHED_STOPPED;
}

/* An event that a state has no entry for changes nothing. */
static event_fn *const table[TARGET_STATES][TARGET_EVENTS] = {
    [DETACHED_STOPPED] = {[EVENT_START] = run_free, [EVENT_ATTACH] = attach_stopped},
    [DETACHED_RUNNING] = {[EVENT_ATTACH] = attach_running, [EVENT_STOP] = stop_alone},
    [DETACHED_HALTING] = {[EVENT_ATTACH] = attach_halting, [EVENT_STOP] = stop_detached_halting},
    [ATTACHED_STOPPED] = {[EVENT_DETACH] = detach_stopped,
                          [EVENT_LOST] = lost_stopped,
                          [EVENT_KILL] = kill_stopped,
                          [EVENT_RESUME] = tell_resume,
                          [EVENT_INTERRUPT] = interrupt_stopped,
                          [EVENT_NON_STOP] = nonstop_begin_stopped},
    [ATTACHED_RUNNING] = {[EVENT_DETACH] = detach_running,
                          [EVENT_LOST] = lost_running,
                          [EVENT_KILL] = kill_running,
                          [EVENT_INTERRUPT] = interrupt_running,
                          [EVENT_STOP] = tell_stop,
                          [EVENT_NON_STOP] = nonstop_begin_running},
    [ATTACHED_HALTING] = {[EVENT_LOST] = lost_halting, [EVENT_STOP] = stop_attached_halting},
    [DETACHED_WRITING] = {[EVENT_ATTACH] = attach_writing, [EVENT_WORK] = writing_work},
    [ATTACHED_WRITING] =
        {[EVENT_LOST] = lost_writing, [EVENT_INTERRUPT] = writing_interrupt, [EVENT_WORK] = writing_work},
    [NONSTOP_WRITING] = {[EVENT_LOST] = lost_writing, [EVENT_WORK] = writing_work},
    [NONSTOP_STOPPED] = {[EVENT_DETACH] = detach_stopped,
                         [EVENT_LOST] = lost_stopped,
                         [EVENT_KILL] = kill_stopped,
                         [EVENT_RESUME] = nonstop_resume,
                         [EVENT_INTERRUPT] = nonstop_interrupt_stopped,
                         [EVENT_ALL_STOP] = nonstop_end,
                         [EVENT_IDLE] = nonstop_idle},
    [NONSTOP_RUNNING] = {[EVENT_DETACH] = detach_running,
                         [EVENT_LOST] = lost_running,
                         [EVENT_KILL] = kill_running,
                         [EVENT_INTERRUPT] = nonstop_interrupt,
                         [EVENT_STOP] = nonstop_stop,
                         [EVENT_PAUSE] = nonstop_pause},
    [NONSTOP_HALTING] = {[EVENT_LOST] = lost_running,
                         [EVENT_INTERRUPT] = nonstop_interrupt_halting,
                         [EVENT_STOP] = nonstop_stop},
};

static int target_event(struct target *t, enum target_event event, struct err *e)
{
    struct err ignored = {0};
    event_fn *handler = table[t->state][event];
    e = e ? e : &ignored;
    e->text[0] = 0;
    if (handler)
        t->state = handler(t, e);
    return e->text[0] ? -1 : 0;
}

/* ---- what others call ---- */

struct target *target_create(const struct target_config *config, struct err *e)
{
    struct target *t = calloc(1, sizeof *t);
    if (!t)
        goto no_memory;
    t->machine = config->machine;
    t->exec = config->exec;
    t->policy = config->policy;
    t->dump_dir = config->dump_dir ? config->dump_dir : ".";
    t->shows_tasks = config->shows_tasks;
    console_init(&t->printed, config->events.wake, config->events.ctx);
    t->plan.printed = &t->printed;
    t->state = DETACHED_STOPPED;
    t->xml_len = reg_target_xml(t->machine->reg_features, NULL, 0);
    t->xml = malloc(t->xml_len + 1);
    t->registry = registry_create();
    t->linux_guest = linux_open(t->machine);
    t->libraries = libraries_create();
    if (!t->xml || !t->registry || !t->linux_guest || !t->libraries)
        goto no_memory;
    reg_target_xml(t->machine->reg_features, t->xml, t->xml_len + 1);
    stops_take_first(t);
    return t;
no_memory:
    if (t)
        target_destroy(t);
    err_set(e, EXIT_OTHER, "no memory for the debugger's side");
    return NULL;
}

void target_destroy(struct target *t)
{
    registry_destroy(t);
    writing_abandon(t);
    if (t->linux_guest)
        linux_close(t->linux_guest);
    libraries_destroy(t->libraries);
    free(t->xml);
    free(t);
}

void target_start(struct target *t)
{
    target_event(t, EVENT_START, NULL);
}

/* It may go on by itself, for which this counts as a resume. */
static void count_run(struct target *t)
{
    int64_t now = target_clock();
    t->ran += (uint64_t)(now - t->resumed);
    t->resumed = now;
}

void target_collect(struct target *t)
{
    struct stop batch[MACHINE_MAX_CPUS];
    size_t n = 0;
    while (n < MACHINE_MAX_CPUS && machine_next_stop(t->machine, &batch[n]))
        log_msg(LOG_DEBUG, "CPU %u: stop: %s", batch[n].cpu, batch[n].text), n++;
    if (n)
        count_run(t);
    for (size_t i = 0; i < n; i++)
        registry_stopped(t, &batch[i]);
    t->batch = batch;
    t->nbatch = symbols_take(t, batch, n);
    if (n && !t->nbatch)
        t->nbatch = news_go_on(t, batch);
    if (t->nbatch)
        target_event(t, EVENT_STOP, NULL);
    t->batch = NULL;
    t->nbatch = 0;
    printed_collect(t);
    if (n && t->session && !session_busy(t->session))
        target_idle(t);
}

void target_console_input(struct target *t)
{
    struct err not_listening;
    machine_signal(t->machine, 0, MACHINE_CONSOLE_INPUT, &not_listening);
}

bool target_exited(const struct target *t, int *status)
{
    if (t->state == ENDED)
        *status = t->exit_status;
    return t->state == ENDED;
}

int target_attach(struct target *t, struct session *s, struct err *e)
{
    if (t->session)
        return err_set(
            e, EXIT_OTHER,
            "another debugger is attached to this guest; detach it there, or end that session first");
    t->session = s;
    t->non_stop = s->non_stop;
    t->killed = false;
    t->interrupt_due = t->news_told = false;
    t->per_told = (struct machine_per){0};
    session_select(s, t->has_stop ? t->stop.cpu : 0);
    target_event(t, EVENT_ATTACH, NULL);
    log_msg(LOG_INFO, "a debugger is attached");
    return 0;
}

void target_detach(struct target *t)
{
    t->session = NULL;
    log_msg(LOG_INFO, "the debugger has detached");
    target_event(t, EVENT_DETACH, NULL);
}

void target_lost(struct target *t)
{
    t->session = NULL;
    log_msg(LOG_INFO, "the debugger's connection has ended");
    target_event(t, EVENT_LOST, NULL);
}

int target_kill(struct target *t, struct err *e)
{
    return target_event(t, EVENT_KILL, e);
}

int target_resume(struct target *t, const struct cpu_action action[MACHINE_MAX_CPUS], struct err *e)
{
    memcpy(t->plan.action, action, sizeof t->plan.action);
    return target_event(t, EVENT_RESUME, e);
}

void target_interrupt(struct target *t)
{
    target_event(t, EVENT_INTERRUPT, NULL);
}

void target_pause(struct target *t)
{
    target_event(t, EVENT_PAUSE, NULL);
}

void target_idle(struct target *t)
{
    target_event(t, EVENT_IDLE, NULL);
}

void target_set_non_stop(struct target *t, bool on)
{
    target_event(t, on ? EVENT_NON_STOP : EVENT_ALL_STOP, NULL);
}

bool target_stands(const struct target *t)
{
    return t->state == ATTACHED_STOPPED || t->state == NONSTOP_STOPPED;
}

bool target_halting(const struct target *t)
{
    return t->state == ATTACHED_HALTING || t->state == NONSTOP_HALTING || t->state == ATTACHED_WRITING ||
           t->state == NONSTOP_WRITING;
}

bool target_working(const struct target *t)
{
    return t->state == DETACHED_WRITING || t->state == ATTACHED_WRITING || t->state == NONSTOP_WRITING;
}

void target_work(struct target *t)
{
    target_event(t, EVENT_WORK, NULL);
}

void target_quit(struct target *t, int status)
{
    writing_abandon(t);
    t->state = target_end(t, status);
}
