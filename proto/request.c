/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a packet's payload to a typed request: one table of packet names, each with the function that reads
 * the packet's arguments. It checks form and width only; whether an address, thread or file exists is for
 * others. */
#include <string.h>

#include "args.h"

static const struct packet {
    const char *name;
    enum rsp_kind kind;
    args_fn *args;
} packets[] = {
    {"m", RSP_READ_MEM, args_range},
    {"x", RSP_READ_MEM_BINARY, args_range},
    {"M", RSP_WRITE_MEM, args_range_hex},
    {"X", RSP_WRITE_MEM, args_range_binary},
    {"qSearch:memory", RSP_SEARCH_MEM, args_search},
    {"qCRC", RSP_CRC_MEM, args_colon_range},
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
    {"QNonStop", RSP_NON_STOP, args_flag},
    {"vStopped", RSP_NEXT_STOPPED, args_none},
    {"vCtrlC", RSP_CTRL_C, args_none},
    {"QThreadEvents", RSP_THREAD_EVENTS, args_flag},
    {"QPassSignals", RSP_PASS_SIGNALS, args_signals},
    {"QProgramSignals", RSP_PASS_SIGNALS, args_signals},
    {"qC", RSP_CURRENT_THREAD, args_none},
    {"qOffsets", RSP_OFFSETS, args_none},
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
    {"vFile:readlink", RSP_FILE_READLINK, args_name},
    {"vFile:stat", RSP_FILE_STAT, args_name},
    {"vFile:lstat", RSP_FILE_STAT, args_name},
    {"vFile:pwrite", RSP_FILE_CHANGE, args_ignored},
    {"vFile:unlink", RSP_FILE_CHANGE, args_ignored},
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
    char *start = c->p;

    if (!take_text(c, name))
        return false;
    if (!strchr("qQv", name[0]) || at_end(c) || !is_name_char(*c->p))
        return true;
    c->p = start;
    return false;
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
