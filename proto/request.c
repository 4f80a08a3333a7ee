/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a packet's payload to a typed request: one table of packet names, each with the function that reads
 * the packet's arguments. It checks form and width only; whether an address, thread or file exists is for
 * others. */
#include "zgdbd/proto.h"

#include <limits.h>
#include <string.h>

/* What is left of the payload, or a part of it. *end is writable: a separator, or the byte behind the
 * payload. */
struct cursor {
    char *p;
    char *end;
};

/* Hex digit values plus one; 0 for every other character. */
static const uint8_t digit_plus_one[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static int hex_digit(char c)
{
    return digit_plus_one[(uint8_t)c] - 1;
}

/* ---- Pieces of the grammar. Each takes its piece from the cursor, or returns false and leaves the rest
 * undefined. */

static bool at_end(const struct cursor *c)
{
    return c->p == c->end;
}

static size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

/* Takes the character if it is next; otherwise takes nothing. */
static bool take_char(struct cursor *c, char wanted)
{
    if (at_end(c) || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

/* A hex number of at least one digit, at most max. */
static bool take_hex(struct cursor *c, uint64_t max, uint64_t *value)
{
    char *start = c->p;

    *value = 0;
    while (!at_end(c) && hex_digit(*c->p) >= 0) {
        if (*value >> 60)
            return false;
        *value = *value << 4 | (uint64_t)hex_digit(*c->p++);
    }
    return c->p > start && *value <= max;
}

static bool take_u32(struct cursor *c, uint32_t *value)
{
    uint64_t wide;

    if (!take_hex(c, UINT32_MAX, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

static bool take_signal(struct cursor *c, uint8_t *signal)
{
    uint64_t wide;

    if (!take_hex(c, UINT8_MAX, &wide))
        return false;
    *signal = (uint8_t)wide;
    return true;
}

static bool take_fd(struct cursor *c, int *fd)
{
    uint64_t wide;

    if (!take_hex(c, INT_MAX, &wide))
        return false;
    *fd = (int)wide;
    return true;
}

static bool take_pid(struct cursor *c, int64_t *pid)
{
    uint64_t wide;

    if (!take_hex(c, INT64_MAX, &wide))
        return false;
    *pid = (int64_t)wide;
    return true;
}

/* Half of a thread-id: "-1" or a number. */
static bool take_id(struct cursor *c, int64_t *id)
{
    if (!take_char(c, '-'))
        return take_pid(c, id);
    *id = RSP_ALL;
    return take_char(c, '1');
}

/* TID, pPID or pPID.TID. All processes and one thread of them, p-1.TID, is an error by the manual. */
static bool take_thread(struct cursor *c, struct rsp_thread_id *id)
{
    *id = (struct rsp_thread_id){.pid = RSP_ANY, .tid = RSP_ALL};
    if (!take_char(c, 'p'))
        return take_id(c, &id->tid);
    if (!take_id(c, &id->pid))
        return false;
    if (take_char(c, '.') && !take_id(c, &id->tid))
        return false;
    return id->pid != RSP_ALL || id->tid <= 0;
}

/* "addr,length" whose end does not pass 2^64. */
static bool take_range(struct cursor *c, struct rsp_request *out)
{
    uint64_t addr, len;

    if (!take_hex(c, UINT64_MAX, &addr) || !take_char(c, ',') || !take_hex(c, UINT64_MAX, &len))
        return false;
    if (len > 0 && addr + (len - 1) < addr)
        return false;
    out->mem.addr = addr;
    out->mem.len = len;
    return true;
}

/* The token up to the separator, which is taken too, or to the end. */
static struct cursor take_token(struct cursor *c, char separator)
{
    char *stop = memchr(c->p, separator, left(c));
    struct cursor token = {.p = c->p, .end = stop ? stop : c->end};

    c->p = stop ? stop + 1 : c->end;
    return token;
}

/* Decodes hex digits to bytes at to, which is at or before the token; false for an odd or foreign digit. */
static bool decode_hex(const struct cursor *token, char *to)
{
    const char *in = token->p;

    if (left(token) % 2)
        return false;
    while (in < token->end) {
        int high = hex_digit(*in++), low = hex_digit(*in++);

        if (high < 0 || low < 0)
            return false;
        *to++ = (char)(high << 4 | low);
    }
    return true;
}

/* Decodes hex digits to a string at to, at or before the token; the byte at the token's end may be
 * overwritten by the NUL. False also for a string that contains a NUL itself. */
static bool decode_string(const struct cursor *token, char *to)
{
    size_t len = left(token) / 2;

    if (!decode_hex(token, to) || memchr(to, '\0', len))
        return false;
    to[len] = '\0';
    return true;
}

/* ---- Argument schemas: what stands behind a packet's name ---- */

static enum rsp_verdict verdict(bool good)
{
    return good ? RSP_OK : RSP_MALFORMED;
}

static enum rsp_verdict args_none(struct cursor *c, struct rsp_request *out)
{
    (void)out;
    return verdict(at_end(c));
}

/* R XX: the manual has the argument ignored. */
static enum rsp_verdict args_ignored(struct cursor *c, struct rsp_request *out)
{
    (void)c;
    (void)out;
    return RSP_OK;
}

static unsigned feature_bit(const struct cursor *token)
{
    static const struct {
        const char *name;
        enum rsp_feature bit;
    } known[] = {
        {"multiprocess+", RSP_FEATURE_MULTIPROCESS}, {"swbreak+", RSP_FEATURE_SWBREAK},
        {"hwbreak+", RSP_FEATURE_HWBREAK},           {"error-message+", RSP_FEATURE_ERROR_MESSAGE},
        {"vContSupported+", RSP_FEATURE_VCONT},      {"QThreadEvents+", RSP_FEATURE_THREAD_EVENTS},
        {"no-resumed+", RSP_FEATURE_NO_RESUMED},     {"binary-upload+", RSP_FEATURE_BINARY_UPLOAD},
    };
    static const char xml[] = "xmlRegisters=";

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (left(token) == strlen(known[i].name) && !memcmp(token->p, known[i].name, left(token)))
            return known[i].bit;
    }
    if (left(token) >= strlen(xml) && !memcmp(token->p, xml, strlen(xml)))
        return RSP_FEATURE_XML_REGISTERS;
    return 0;
}

static enum rsp_verdict args_supported(struct cursor *c, struct rsp_request *out)
{
    out->features = 0;
    if (at_end(c))
        return RSP_OK;
    if (!take_char(c, ':'))
        return RSP_MALFORMED;
    while (!at_end(c)) {
        struct cursor token = take_token(c, ';');

        out->features |= feature_bit(&token);
    }
    return RSP_OK;
}

/* The rest as hex bytes, at least one. */
static bool take_register_bytes(struct cursor *c, struct rsp_request *out)
{
    out->reg.data = (const uint8_t *)c->p;
    out->reg.len = left(c) / 2;
    return !at_end(c) && decode_hex(c, c->p);
}

static enum rsp_verdict args_all_registers(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_register_bytes(c, out));
}

static enum rsp_verdict args_register(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_u32(c, &out->reg.number) && at_end(c));
}

static enum rsp_verdict args_register_value(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_u32(c, &out->reg.number) && take_char(c, '=') && take_register_bytes(c, out));
}

static enum rsp_verdict args_range(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_range(c, out) && at_end(c));
}

static enum rsp_verdict args_range_hex(struct cursor *c, struct rsp_request *out)
{
    if (!take_range(c, out) || !take_char(c, ':'))
        return RSP_MALFORMED;
    out->mem.data = (const uint8_t *)c->p;
    return verdict(left(c) / 2 == out->mem.len && decode_hex(c, c->p));
}

static enum rsp_verdict args_range_binary(struct cursor *c, struct rsp_request *out)
{
    if (!take_range(c, out) || !take_char(c, ':'))
        return RSP_MALFORMED;
    out->mem.data = (const uint8_t *)c->p;
    return verdict(left(c) == out->mem.len);
}

/* "Xlen,code" as often as it comes; the code is decoded in place. */
static bool take_exprs(struct cursor *c, struct rsp_expr exprs[RSP_EXPRS_MAX], unsigned *n)
{
    *n = 0;
    while (take_char(c, 'X')) {
        uint64_t len;
        struct cursor code;

        if (!take_hex(c, left(c) / 2, &len) || len == 0 || !take_char(c, ',') || left(c) / 2 < len ||
            *n == RSP_EXPRS_MAX)
            return false;
        code = (struct cursor){.p = c->p, .end = c->p + 2 * len};
        if (!decode_hex(&code, code.p))
            return false;
        exprs[(*n)++] = (struct rsp_expr){(const uint8_t *)code.p, len};
        c->p = code.end;
    }
    return true;
}

/* [Xlen,code...][;cmds:persist,Xlen,code...], and with commands only the first ';' is the packet's. */
static bool take_conditions(struct cursor *c, struct rsp_request *out)
{
    static const char commands[] = "cmds:";
    uint64_t persist;

    if (!take_exprs(c, out->point.conditions, &out->point.nconditions))
        return false;
    if (out->point.nconditions && !at_end(c) && !take_char(c, ';'))
        return false;
    if (at_end(c))
        return out->point.nconditions && c->p[-1] != ';';
    if (left(c) < strlen(commands) || memcmp(c->p, commands, strlen(commands)))
        return false;
    c->p += strlen(commands);
    if (!take_hex(c, 1, &persist) || !take_char(c, ','))
        return false;
    out->point.persist = persist;
    return take_exprs(c, out->point.commands, &out->point.ncommands) && out->point.ncommands;
}

/* type,addr,kind and, for an inserted breakpoint only, ;conditions;commands. A type we do not know is a
 * packet we do not know: that is how the protocol lets a stub refuse types one by one. */
static enum rsp_verdict args_point(struct cursor *c, struct rsp_request *out)
{
    uint64_t type;

    if (!take_hex(c, UINT64_MAX, &type) || !take_char(c, ','))
        return RSP_MALFORMED;
    if (type > RSP_POINT_ACCESS)
        return RSP_UNKNOWN;
    out->point.type = (enum rsp_point_type)type;
    out->point.nconditions = 0;
    out->point.ncommands = 0;
    out->point.persist = false;
    if (!take_hex(c, UINT64_MAX, &out->point.addr) || !take_char(c, ',') ||
        !take_hex(c, UINT64_MAX, &out->point.kind))
        return RSP_MALFORMED;
    if (out->kind == RSP_INSERT_POINT && type <= RSP_POINT_HARDWARE && take_char(c, ';') && !at_end(c))
        return verdict(take_conditions(c, out) && at_end(c));
    return verdict(at_end(c));
}

static bool take_resume_address(struct cursor *c, struct rsp_request *out)
{
    out->resume.has_addr = !at_end(c);
    return at_end(c) || (take_hex(c, UINT64_MAX, &out->resume.addr) && at_end(c));
}

static enum rsp_verdict args_resume(struct cursor *c, struct rsp_request *out)
{
    out->resume.signal = 0;
    return verdict(take_resume_address(c, out));
}

static enum rsp_verdict args_resume_signal(struct cursor *c, struct rsp_request *out)
{
    out->resume.has_addr = false;
    if (!take_signal(c, &out->resume.signal))
        return RSP_MALFORMED;
    if (at_end(c))
        return RSP_OK;
    return verdict(take_char(c, ';') && !at_end(c) && take_resume_address(c, out));
}

/* c, C sig, s, S sig or t, and perhaps :thread-id. */
static bool take_action(struct cursor *c, struct rsp_action *action)
{
    bool with_signal = false;

    *action = (struct rsp_action){.thread = {.pid = RSP_ALL, .tid = RSP_ALL}};
    if (take_char(c, 'c')) {
        action->type = RSP_ACTION_CONTINUE;
    } else if (take_char(c, 's')) {
        action->type = RSP_ACTION_STEP;
    } else if (take_char(c, 't')) {
        action->type = RSP_ACTION_STOP;
    } else {
        with_signal = true;
        if (take_char(c, 'C'))
            action->type = RSP_ACTION_CONTINUE;
        else if (take_char(c, 'S'))
            action->type = RSP_ACTION_STEP;
        else
            return false;
    }
    if (with_signal && !take_signal(c, &action->signal))
        return false;
    return !take_char(c, ':') || take_thread(c, &action->thread);
}

static enum rsp_verdict args_vcont(struct cursor *c, struct rsp_request *out)
{
    out->vcont.count = 0;
    do {
        if (out->vcont.count == RSP_ACTIONS_MAX || !take_char(c, ';') ||
            !take_action(c, &out->vcont.actions[out->vcont.count]))
            return RSP_MALFORMED;
        out->vcont.count++;
    } while (!at_end(c));
    return RSP_OK;
}

static enum rsp_verdict args_thread(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_thread(c, &out->thread) && at_end(c));
}

static enum rsp_verdict args_comma_thread(struct cursor *c, struct rsp_request *out)
{
    return take_char(c, ',') ? args_thread(c, out) : RSP_MALFORMED;
}

static enum rsp_verdict args_colon_pid(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_char(c, ':') && take_pid(c, &out->pid) && at_end(c));
}

static enum rsp_verdict args_semicolon_pid(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_char(c, ';') && take_pid(c, &out->pid) && at_end(c));
}

static enum rsp_verdict args_colon_pid_optional(struct cursor *c, struct rsp_request *out)
{
    out->pid = RSP_ANY;
    return at_end(c) ? RSP_OK : args_colon_pid(c, out);
}

static enum rsp_verdict args_semicolon_pid_optional(struct cursor *c, struct rsp_request *out)
{
    out->pid = RSP_ANY;
    return at_end(c) ? RSP_OK : args_semicolon_pid(c, out);
}

/* The length of the part that ends at the last ':', or SIZE_MAX if there is none. */
static size_t before_last_colon(const struct cursor *c)
{
    size_t n = left(c);

    while (n > 0 && c->p[n - 1] != ':')
        n--;
    return n - 1;
}

/* :object:read:annex:offset,length. The numbers stand behind the last colon, so that an annex may contain
 * one. */
static enum rsp_verdict args_xfer(struct cursor *c, struct rsp_request *out)
{
    struct cursor object, operation;
    size_t annex_len;

    if (!take_char(c, ':'))
        return RSP_MALFORMED;
    object = take_token(c, ':');
    operation = take_token(c, ':');
    if (left(&operation) != 4 || memcmp(operation.p, "read", 4))
        return RSP_UNKNOWN;
    annex_len = before_last_colon(c);
    if (annex_len == SIZE_MAX || memchr(object.p, '\0', left(&object)) || memchr(c->p, '\0', annex_len))
        return RSP_MALFORMED;
    out->xfer.object = object.p;
    *object.end = '\0';
    out->xfer.annex = c->p;
    c->p += annex_len;
    *c->p++ = '\0';
    return verdict(take_hex(c, UINT64_MAX, &out->xfer.offset) && take_char(c, ',') &&
                   take_hex(c, UINT64_MAX, &out->xfer.len) && at_end(c));
}

static enum rsp_verdict args_open(struct cursor *c, struct rsp_request *out)
{
    struct cursor name;

    if (!take_char(c, ':'))
        return RSP_MALFORMED;
    name = take_token(c, ',');
    out->file.name = name.p;
    return verdict(decode_string(&name, name.p) && take_u32(c, &out->file.flags) && take_char(c, ',') &&
                   take_u32(c, &out->file.mode) && at_end(c));
}

static enum rsp_verdict args_pread(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_char(c, ':') && take_fd(c, &out->file.fd) && take_char(c, ',') &&
                   take_hex(c, UINT64_MAX, &out->file.count) && take_char(c, ',') &&
                   take_hex(c, UINT64_MAX, &out->file.offset) && at_end(c));
}

static enum rsp_verdict args_colon_fd(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_char(c, ':') && take_fd(c, &out->file.fd) && at_end(c));
}

/* ;filename[;argument]..., each in hex. The decoded strings are packed: each ends at or before its own token.
 */
static enum rsp_verdict args_run(struct cursor *c, struct rsp_request *out)
{
    char *to;

    if (!take_char(c, ';'))
        return RSP_MALFORMED;
    to = c->p;
    out->run.filename = to;
    out->run.args = NULL;
    out->run.argc = 0;
    for (;;) {
        struct cursor token = take_token(c, ';');
        bool more = token.end < c->end;

        if (!decode_string(&token, to))
            return RSP_MALFORMED;
        to += left(&token) / 2 + 1;
        if (!more)
            return RSP_OK;
        if (!out->run.args)
            out->run.args = to;
        out->run.argc++;
    }
}

static enum rsp_verdict args_monitor(struct cursor *c, struct rsp_request *out)
{
    if (!take_char(c, ','))
        return RSP_MALFORMED;
    out->monitor.text = c->p;
    out->monitor.text_len = left(c) / 2;
    return verdict(decode_string(c, c->p));
}

static enum rsp_verdict args_flag(struct cursor *c, struct rsp_request *out)
{
    uint64_t value;

    if (!take_char(c, ':') || !take_hex(c, 1, &value) || !at_end(c))
        return RSP_MALFORMED;
    out->flag = value == 1;
    return RSP_OK;
}

/* ---- The packets ---- */

static const struct packet {
    const char *name;
    enum rsp_kind kind;
    enum rsp_verdict (*args)(struct cursor *c, struct rsp_request *out);
} packets[] = {
    {"m", RSP_READ_MEM, args_range},
    {"x", RSP_READ_MEM_BINARY, args_range},
    {"M", RSP_WRITE_MEM, args_range_hex},
    {"X", RSP_WRITE_MEM, args_range_binary},
    {"g", RSP_READ_REGS, args_none},
    {"G", RSP_WRITE_REGS, args_all_registers},
    {"p", RSP_READ_REG, args_register},
    {"P", RSP_WRITE_REG, args_register_value},
    {"Z", RSP_INSERT_POINT, args_point},
    {"z", RSP_REMOVE_POINT, args_point},
    {"vCont?", RSP_VCONT_QUERY, args_none},
    {"vCont", RSP_VCONT, args_vcont},
    {"c", RSP_CONTINUE, args_resume},
    {"C", RSP_CONTINUE, args_resume_signal},
    {"s", RSP_STEP, args_resume},
    {"S", RSP_STEP, args_resume_signal},
    {"?", RSP_STOP_REASON, args_none},
    {"Hg", RSP_SET_THREAD_GENERAL, args_thread},
    {"Hc", RSP_SET_THREAD_RESUME, args_thread},
    {"T", RSP_THREAD_ALIVE, args_thread},
    {"qC", RSP_CURRENT_THREAD, args_none},
    {"qfThreadInfo", RSP_THREADS_FIRST, args_none},
    {"qsThreadInfo", RSP_THREADS_NEXT, args_none},
    {"qThreadExtraInfo", RSP_THREAD_EXTRA, args_comma_thread},
    {"qSupported", RSP_QSUPPORTED, args_supported},
    {"QStartNoAckMode", RSP_QSTARTNOACKMODE, args_none},
    {"!", RSP_EXTENDED, args_none},
    {"qAttached", RSP_ATTACHED, args_colon_pid_optional},
    {"qXfer", RSP_XFER_READ, args_xfer},
    {"vFile:open", RSP_FILE_OPEN, args_open},
    {"vFile:pread", RSP_FILE_PREAD, args_pread},
    {"vFile:close", RSP_FILE_CLOSE, args_colon_fd},
    {"vFile:fstat", RSP_FILE_FSTAT, args_colon_fd},
    {"vFile:setfs", RSP_FILE_SETFS, args_colon_pid},
    {"qRcmd", RSP_MONITOR, args_monitor},
    {"qqemu.PhyMemMode", RSP_QUERY_PHYS_MODE, args_none},
    {"Qqemu.PhyMemMode", RSP_SET_PHYS_MODE, args_flag},
    {"D", RSP_DETACH, args_semicolon_pid_optional},
    {"k", RSP_KILL, args_none},
    {"vKill", RSP_KILL_PID, args_semicolon_pid},
    {"R", RSP_RESTART, args_ignored},
    {"vRun", RSP_RUN_PROGRAM, args_run},
    {"vAttach", RSP_ATTACH, args_semicolon_pid},
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Takes the packet's name. Packets that start with q, Q or v have names of several letters, which end at a
 * separator: "qCRC:" is no "qC". */
static bool take_name(struct cursor *c, const char *name)
{
    size_t n = strlen(name);

    if (left(c) < n || memcmp(c->p, name, n))
        return false;
    if (strchr("qQv", name[0]) && left(c) > n && is_name_char(c->p[n]))
        return false;
    c->p += n;
    return true;
}

enum rsp_verdict rsp_parse_request(char *payload, size_t len, struct rsp_request *out)
{
    struct cursor c = {.p = payload, .end = payload + len};

    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        if (take_name(&c, packets[i].name)) {
            out->kind = packets[i].kind;
            return packets[i].args(&c, out);
        }
    }
    return RSP_UNKNOWN;
}
