/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One debugger's conversation: frames in, the command table, acks and replies out. What a packet does is in
 * the handlers' files; here is when it may do it: at the first valid packet the session attaches, and while
 * the guest is being stopped for it the packet waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/log.h"

/* Room for the console lines and the stop reply behind a full answer. */
#define OUT_SLACK 4096u
#define OUT_SIZE (RSP_OUT_MAX + OUT_SLACK)
/* Console lines are dropped once this much waits for a debugger that does not read. */
#define CONSOLE_BACKLOG 2048u
/* What text in front of it must leave to a stop reply. */
#define STOP_ROOM 2048u

/* What must be true before a command may run. */
enum {
    NEED_STOPPED = 1, /* attached, and no CPU runs: in non-stop the machine halts for it */
    CAN_ATTACH = 2,   /* attaches again after D */
    PAUSES = 4,       /* the machine halts for it in non-stop; without, it may run */
    NEED_HELD = 8,    /* the selected CPU does not run for the debugger */
};

struct command {
    command_fn *run;
    unsigned needs;
};

/* Every kind of request has its entry. */
static const struct command commands[RSP_KINDS] = {
    [RSP_QSUPPORTED] = {cmd_supported, 0},
    [RSP_QSTARTNOACKMODE] = {cmd_no_ack, 0},
    [RSP_EXTENDED] = {cmd_extended, 0},
    [RSP_NON_STOP] = {cmd_non_stop, PAUSES},
    [RSP_NEXT_STOPPED] = {cmd_next_stopped, PAUSES},
    [RSP_CTRL_C] = {cmd_ctrl_c, 0},
    [RSP_STOP_REASON] = {cmd_stop_reason, NEED_STOPPED},
    [RSP_READ_REGS] = {cmd_read_regs, NEED_STOPPED | NEED_HELD},
    [RSP_WRITE_REGS] = {cmd_write_regs, NEED_STOPPED | NEED_HELD},
    [RSP_READ_REG] = {cmd_read_reg, NEED_STOPPED | NEED_HELD},
    [RSP_WRITE_REG] = {cmd_write_reg, NEED_STOPPED | NEED_HELD},
    [RSP_READ_MEM] = {cmd_read_mem, NEED_STOPPED},
    [RSP_READ_MEM_BINARY] = {cmd_read_mem_binary, NEED_STOPPED},
    [RSP_WRITE_MEM] = {cmd_write_mem, NEED_STOPPED},
    [RSP_INSERT_POINT] = {cmd_insert_point, NEED_STOPPED},
    [RSP_REMOVE_POINT] = {cmd_remove_point, NEED_STOPPED},
    [RSP_CONTINUE] = {cmd_continue, NEED_STOPPED},
    [RSP_STEP] = {cmd_step, NEED_STOPPED},
    [RSP_VCONT_QUERY] = {cmd_vcont_query, 0},
    [RSP_VCONT] = {cmd_vcont, PAUSES},
    [RSP_SET_THREAD_GENERAL] = {cmd_set_thread_general, 0},
    [RSP_SET_THREAD_RESUME] = {cmd_set_thread_resume, 0},
    [RSP_THREAD_ALIVE] = {cmd_thread_alive, 0},
    [RSP_CURRENT_THREAD] = {cmd_current_thread, 0},
    [RSP_THREADS_FIRST] = {cmd_threads_first, 0},
    [RSP_THREADS_NEXT] = {cmd_threads_next, 0},
    [RSP_THREAD_EXTRA] = {cmd_thread_extra, NEED_STOPPED},
    [RSP_ATTACHED] = {cmd_attached, 0},
    [RSP_XFER_READ] = {cmd_xfer_read, PAUSES},
    [RSP_FILE_OPEN] = {cmd_file_open, PAUSES},
    [RSP_FILE_PREAD] = {cmd_file_pread, 0},
    [RSP_FILE_CLOSE] = {cmd_file_close, 0},
    [RSP_FILE_FSTAT] = {cmd_file_fstat, 0},
    [RSP_FILE_SETFS] = {cmd_file_setfs, 0},
    [RSP_FILE_READLINK] = {cmd_file_readlink, PAUSES},
    [RSP_FILE_STAT] = {cmd_file_stat, PAUSES},
    [RSP_FILE_CHANGE] = {cmd_file_change, 0},
    [RSP_DETACH] = {cmd_detach, 0},
    [RSP_KILL] = {cmd_kill, 0},
    [RSP_KILL_PID] = {cmd_kill_pid, 0},
    [RSP_RESTART] = {cmd_restart, NEED_STOPPED | CAN_ATTACH},
    [RSP_RUN_PROGRAM] = {cmd_run_program, NEED_STOPPED | CAN_ATTACH},
    [RSP_ATTACH] = {cmd_attach, NEED_STOPPED | CAN_ATTACH},
    [RSP_MONITOR] = {cmd_monitor, NEED_STOPPED},
    [RSP_SEARCH_MEM] = {cmd_search_mem, NEED_STOPPED},
    [RSP_CRC_MEM] = {cmd_crc_mem, NEED_STOPPED},
    [RSP_THREAD_EVENTS] = {cmd_accept, 0},
    [RSP_PASS_SIGNALS] = {cmd_accept, 0},
    [RSP_OFFSETS] = {cmd_offsets, PAUSES},
    [RSP_QUERY_PHYS_MODE] = {cmd_query_phys_mode, 0},
    [RSP_SET_PHYS_MODE] = {cmd_set_phys_mode, 0},
};

/* It ends before its reply came. */
static void abandon_work(struct session *s)
{
    if (s->work.step && s->work.abandon)
        s->work.abandon(s);
    s->work.step = NULL;
}

struct session *session_create(struct target *t)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->target = t;
    s->phase = SESSION_NEW;
    s->in_buf = malloc(RSP_IN_SIZE);
    s->out_buf = malloc(OUT_SIZE);
    if (!s->in_buf || !s->out_buf) {
        session_destroy(s);
        return NULL;
    }
    rsp_parser_init(&s->parser, s->in_buf, RSP_IN_SIZE);
    rsp_out_init(&s->out, s->out_buf, OUT_SIZE);
    return s;
}

void session_destroy(struct session *s)
{
    if (session_attached(s))
        target_lost(s->target);
    abandon_work(s);
    files_close(s);
    free(s->libraries);
    free(s->in_buf);
    free(s->out_buf);
    free(s->threads);
    free(s->rest.text);
    free(s);
}

bool session_attached(const struct session *s)
{
    return s->target->session == s;
}

bool session_waiting(const struct session *s)
{
    return s->pending && target_halting(s->target) && session_attached(s);
}

bool session_closing(const struct session *s)
{
    return s->phase == SESSION_CLOSING;
}

bool session_busy(const struct session *s)
{
    return s->pending || session_working(s);
}

/* ---- output ---- */

/* What was sent stays in the buffer until room is needed, so that the last reply can be sent again. */
static size_t unsent(const struct session *s)
{
    return s->out.len - s->sent;
}

const char *session_output(const struct session *s, size_t *len)
{
    *len = unsent(s);
    return s->out.buf + s->sent;
}

void session_sent(struct session *s, size_t n)
{
    s->sent += n;
}

/* Before anything is appended: gives up what was sent, unless there is room for that many bytes behind it. */
static void make_room(struct session *s, size_t bytes)
{
    if (s->out.cap - s->out.len >= bytes)
        return;
    memmove(s->out.buf, s->out.buf + s->sent, unsent(s));
    s->out.len -= s->sent;
    s->sent = 0;
    s->last_len = 0;
}

/* What was appended since mark is the last reply, for a debugger that asks for it again. */
static void remember(struct session *s, size_t mark)
{
    if (s->out.len <= mark)
        return;
    s->last = mark;
    s->last_len = s->out.len - mark;
}

static void repeat(struct session *s)
{
    if (s->parser.no_ack || !s->last_len)
        return;
    s->sent = s->last;
    s->out.len = s->last + s->last_len;
}

/* ---- long work ---- */

bool session_working(const struct session *s)
{
    return s->work.step != NULL;
}

/* The reply came: the work is done. */
static void end_work(struct session *s, size_t mark)
{
    s->work.step = NULL;
    free(s->rest.text);
    s->rest = (struct rest){0};
    remember(s, mark);
    if (session_attached(s))
        target_idle(s->target);
}

/* A CPU that runs again (a signal ended the daemon, say) changes what is read. */
void session_work(struct session *s)
{
    make_room(s, OUT_SLACK);
    size_t mark = s->out.len;
    bool done = true;
    if (target_stands(s->target) && session_attached(s))
        done = s->work.step(s);
    else {
        abandon_work(s);
        session_refuse(s, RSP_EBUSY, "the guest runs again");
    }
    if (done)
        end_work(s, mark);
}

static void cancel_work(struct session *s)
{
    make_room(s, OUT_SLACK);
    size_t mark = s->out.len;
    abandon_work(s);
    session_refuse(s, RSP_EINTR, "interrupted");
    end_work(s, mark);
}

/* ---- what others append ---- */

bool session_multiprocess(const struct session *s)
{
    return s->features & RSP_FEATURE_MULTIPROCESS;
}

void session_select(struct session *s, unsigned cpu)
{
    s->cpu = s->monitor_cpu = cpu;
    s->task_tid = s->monitor_task = 0;
    s->browses = false;
}

/* gdb 13 shows no text of a refusal but its number. That a machine is fixed its user has to know: where zgdbd
 * is on gdb's own pipe the log is what is seen. */
void session_refuse(struct session *s, uint8_t number, const char *text)
{
    const char *fixed = s->target->machine->fixed;
    log_msg(fixed && strcmp(text, fixed) == 0 ? LOG_WARNING : LOG_DEBUG, "refused: %s", text);
    if (s->features & RSP_FEATURE_ERROR_MESSAGE)
        rsp_error_text(&s->out, text);
    else
        rsp_error(&s->out, number);
}

void session_output_text(struct session *s, const char *text)
{
    session_output_bytes(s, (const uint8_t *)text, strlen(text));
}

void session_output_bytes(struct session *s, const uint8_t *text, size_t n)
{
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "O");
    rsp_hex(&s->out, text, n);
    rsp_end(&s->out);
}

bool session_takes_text(const struct session *s, size_t bytes, bool before_stop)
{
    size_t frame = 2 * bytes + sizeof "$O#00";
    return (before_stop || unsent(s) <= CONSOLE_BACKLOG) && s->out.cap - unsent(s) >= frame + STOP_ROOM;
}

void session_printed(struct session *s, const uint8_t *text, size_t n)
{
    make_room(s, 2 * n + STOP_ROOM);
    session_output_bytes(s, text, n);
}

/* In non-stop gdb takes text only as an answer to qRcmd. */
void session_console(struct session *s, const char *text, bool before_stop)
{
    char lost[128];
    if (s->target->non_stop) {
        log_msg(LOG_WARNING, "%.*s", (int)strcspn(text, "\n"), text);
        return;
    }
    if (!session_takes_text(s, sizeof lost + strlen(text), before_stop)) {
        s->lost_lines++;
        return;
    }
    make_room(s, OUT_SLACK);
    if (s->lost_lines) {
        snprintf(lost, sizeof lost, "zgdbd: %llu lines are lost that the debugger was too slow to read\n",
                 s->lost_lines);
        session_output_text(s, lost);
    }
    s->lost_lines = 0;
    session_output_text(s, text);
}

void session_stopped(struct session *s)
{
    make_room(s, OUT_SLACK);
    size_t mark = s->out.len;
    stop_reply(s);
    remember(s, mark);
}

void session_libraries(struct session *s, unsigned cpu)
{
    make_room(s, OUT_SLACK);
    size_t mark = s->out.len;
    session_select(s, cpu);
    stop_reply_libraries(s, cpu);
    remember(s, mark);
}

void session_announce(struct session *s, unsigned cpu)
{
    make_room(s, OUT_SLACK);
    stop_notify(s, cpu);
}

/* gdb takes it for the acknowledgement, or for nothing, as it does with the one that comes with the reply. */
void session_alive(struct session *s)
{
    make_room(s, OUT_SLACK);
    rsp_ack(&s->out);
}

void session_exited(struct session *s, int status)
{
    make_room(s, OUT_SLACK);
    rsp_begin(&s->out, s->target->non_stop ? RSP_NOTIFICATION : RSP_PLAIN);
    rsp_str(&s->out, s->target->non_stop ? "Stop:W" : "W");
    rsp_hex_u8(&s->out, (uint8_t)status);
    if (session_multiprocess(s)) {
        rsp_str(&s->out, ";process:");
        rsp_hex_u64(&s->out, TARGET_PID);
    }
    rsp_end(&s->out);
    if (s->target->non_stop) { /* vStopped follows, and nobody will be there to answer it */
        if (!s->parser.no_ack)
            rsp_ack(&s->out);
        rsp_reply(&s->out, "OK");
    }
    s->phase = SESSION_CLOSING;
}

/* ---- packets ---- */

static bool is_file(enum rsp_kind kind)
{
    return (kind >= RSP_FILE_OPEN && kind <= RSP_FILE_SETFS) ||
           (kind >= RSP_FILE_READLINK && kind <= RSP_FILE_CHANGE);
}

static void malformed(struct session *s, enum rsp_kind kind)
{
    log_msg(LOG_DEBUG, "malformed packet");
    if (is_file(kind))
        rsp_reply(&s->out, "F-1,16");
    else
        rsp_error(&s->out, RSP_EINVAL);
}

static void dispatch(struct session *s, enum rsp_kind kind)
{
    const struct command *c = &commands[kind];
    bool stopped = target_stands(s->target) && session_attached(s);
    if ((c->needs & NEED_STOPPED) && !stopped)
        session_refuse(s, RSP_EBUSY, "the guest runs; interrupt it or attach first");
    else if ((c->needs & NEED_HELD) && s->target->cpus[s->cpu].side == SIDE_RUNS)
        session_refuse(s, RSP_EBUSY, "this CPU runs; stop it first");
    else
        c->run(s, &s->request);
}

/* What becomes of a second debugger: gdb shows this text as a warning, and then that the connection was
 * closed. */
static bool attach(struct session *s)
{
    struct err e;
    if (target_attach(s->target, s, &e) == 0) {
        s->phase = SESSION_ATTACHED;
        return true;
    }
    log_msg(LOG_WARNING, "a second debugger was refused");
    make_room(s, OUT_SLACK);
    if (!s->parser.no_ack)
        rsp_ack(&s->out);
    rsp_error_text(&s->out, e.text);
    s->phase = SESSION_CLOSING;
    return false;
}

/* The ack stands in front of the reply, and both leave in one write. Returns where the reply is to begin. */
static size_t acknowledge(struct session *s)
{
    make_room(s, OUT_SIZE);
    if (!s->parser.no_ack)
        rsp_ack(&s->out);
    return s->out.len;
}

static void no_request(struct session *s, uint8_t error)
{
    log_msg(LOG_DEBUG, "a packet that is too long or badly encoded");
    size_t reply = acknowledge(s);
    rsp_error(&s->out, error);
    remember(s, reply);
}

/* Runs the packet that was parsed last. */
static void run_packet(struct session *s)
{
    size_t reply = acknowledge(s);
    s->pending = false;
    if (session_attached(s)) {
        s->target->stalled = false; /* whatever it is, it may let a CPU run */
        s->target->news_wait = false;
    }
    if (s->verdict == RSP_UNKNOWN)
        rsp_reply(&s->out, "");
    else if (s->verdict == RSP_MALFORMED)
        malformed(s, s->request.kind);
    else
        dispatch(s, s->request.kind);
    remember(s, reply);
}

static bool wants_attach(const struct session *s)
{
    if (s->phase == SESSION_NEW)
        return true;
    return s->phase == SESSION_DETACHED && s->verdict == RSP_OK &&
           (commands[s->request.kind].needs & CAN_ATTACH);
}

/* Whether the machine is to halt for the request. To acknowledge the last stop it need not. */
static bool pauses(const struct session *s)
{
    if (s->verdict != RSP_OK || !session_attached(s))
        return false;
    if (s->request.kind == RSP_NEXT_STOPPED)
        return s->target->queued > 1;
    return commands[s->request.kind].needs & (NEED_STOPPED | PAUSES);
}

static void packet(struct session *s, const struct rsp_item *item)
{
    s->verdict = rsp_parse_request(item->payload, item->len, &s->request);
    if (wants_attach(s) && !attach(s))
        return;
    s->pending = true;
    if (pauses(s))
        target_pause(s->target);
    if (!session_waiting(s))
        run_packet(s);
}

static void handle(struct session *s, const struct rsp_item *item)
{
    switch (item->kind) {
    case RSP_ITEM_PACKET:
        packet(s, item);
        break;
    case RSP_ITEM_INTERRUPT:
        if (session_attached(s))
            target_interrupt(s->target);
        break;
    case RSP_ITEM_NAK:
        repeat(s);
        break;
    case RSP_ITEM_BAD_CHECKSUM:
        log_msg(LOG_DEBUG, "a packet with a bad checksum");
        make_room(s, OUT_SLACK);
        if (!s->parser.no_ack)
            rsp_nak(&s->out);
        break;
    case RSP_ITEM_TOO_LONG:
    case RSP_ITEM_MALFORMED:
        no_request(s, item->kind == RSP_ITEM_TOO_LONG ? RSP_EMSGSIZE : RSP_EINVAL);
        break;
    case RSP_ITEM_ACK:
    case RSP_ITEM_NONE:
        break;
    }
}

/* While the session works. What follows the packet that is worked on is between packets: an interrupt
 * character ends the work, and acknowledgements mean nothing, since no reply has been sent. */
static bool input_to_work(struct session *s, char c)
{
    if (c == 0x03)
        cancel_work(s);
    return c == 0x03 || c == '+' || c == '-';
}

size_t session_input(struct session *s, const void *data, size_t n)
{
    const char *bytes = data;
    size_t used = 0;
    if (s->pending && !session_waiting(s) && unsent(s) == 0)
        run_packet(s);
    if (unsent(s) == 0 && session_attached(s))
        printed_collect(s->target);
    while (used < n && unsent(s) == 0 && !s->pending && s->phase != SESSION_CLOSING) {
        struct rsp_item item;
        if (session_working(s)) {
            if (!input_to_work(s, bytes[used]))
                break;
            used++;
            continue;
        }
        used += rsp_parser_feed(&s->parser, bytes + used, n - used, &item);
        handle(s, &item);
    }
    if (used == n && !session_busy(s) && session_attached(s))
        target_idle(s->target);
    return used;
}
