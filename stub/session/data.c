/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers and memory: g, G, p, P, m, x, M, X and the mode in which addresses are physical. */
#include <string.h>

#include "internal.h"

/* Appends the bytes of the registers collected so far, and x's for one that has no value. */
static void append_without_value(struct session *s, const uint8_t *block, size_t n, unsigned reg)
{
    rsp_hex(&s->out, block, n);
    for (unsigned i = 0; i < reg_table[reg].bytes; i++)
        rsp_str(&s->out, "xx");
}

/* Registers first to last in the order of `g`, collected so that they are turned to hex in one go. */
static void append_regs(struct session *s, unsigned first, unsigned last)
{
    uint8_t block[REG_COUNT * REG_MAX_BYTES];
    size_t n = 0;

    for (unsigned reg = first; reg <= last; reg++) {
        if (!target_has_reg(s->target, reg))
            continue;
        if (session_read_reg(s, reg, block + n) == 0) {
            n += reg_table[reg].bytes;
            continue;
        }
        append_without_value(s, block, n, reg);
        n = 0;
    }
    rsp_hex(&s->out, block, n);
}

/* A task may have ended, by what was written to memory, since it was selected. */
static bool is_there(struct session *s)
{
    if (!s->task_tid || session_task(s))
        return true;
    session_refuse(s, RSP_ESRCH, "this task is no more, or runs on a CPU now");
    return false;
}

void cmd_read_regs(struct session *s, const struct rsp_request *r)
{
    (void)r;
    if (!is_there(s))
        return;
    rsp_begin(&s->out, RSP_PLAIN);
    append_regs(s, 0, REG_COUNT - 1);
    rsp_end(&s->out);
}

void cmd_read_reg(struct session *s, const struct rsp_request *r)
{
    if (!target_has_reg(s->target, r->reg.number)) {
        session_refuse(s, RSP_EINVAL, "there is no register of this number");
        return;
    }
    if (!is_there(s))
        return;
    rsp_begin(&s->out, RSP_PLAIN);
    append_regs(s, r->reg.number, r->reg.number);
    rsp_end(&s->out);
}

static bool may_write(struct session *s)
{
    if (s->target->machine->caps & MACHINE_CAN_WRITE)
        return true;
    session_refuse(s, RSP_EROFS,
                   s->target->machine->fixed ? s->target->machine->fixed
                                             : "registers and memory of this target are read-only");
    return false;
}

static bool may_write_regs(struct session *s)
{
    if (!s->task_tid)
        return may_write(s);
    session_refuse(s, RSP_EROFS,
                   "no CPU runs this task: its registers are on its stack, and are not changed from here");
    return false;
}

/* All registers in the order of `g`. gdb sends back what it read, unchangeable ones too: such a failure is
 * none. */
void cmd_write_regs(struct session *s, const struct rsp_request *r)
{
    size_t total = 0;
    if (!may_write_regs(s))
        return;
    for (unsigned reg = 0; reg < REG_COUNT; reg++)
        total += target_has_reg(s->target, reg) ? reg_table[reg].bytes : 0;
    if (total != r->reg.len) {
        session_refuse(s, RSP_EINVAL, "G must carry every register of the target description");
        return;
    }
    const uint8_t *from = r->reg.data;
    for (unsigned reg = 0; reg < REG_COUNT; reg++) {
        if (!target_has_reg(s->target, reg))
            continue;
        target_write_reg(s->target, s->cpu, reg, from);
        from += reg_table[reg].bytes;
    }
    rsp_reply(&s->out, "OK");
}

void cmd_write_reg(struct session *s, const struct rsp_request *r)
{
    unsigned reg = r->reg.number;
    if (!may_write_regs(s))
        return;
    if (!target_has_reg(s->target, reg) || r->reg.len != reg_table[reg].bytes)
        session_refuse(s, RSP_EINVAL, "there is no register of this number and size");
    else if (target_write_reg(s->target, s->cpu, reg, r->reg.data))
        session_refuse(s, RSP_EIO, "this register cannot be changed");
    else
        rsp_reply(&s->out, "OK");
}

/* ---- memory ---- */

/* The kernel's memory is there for a task also where no CPU's home space is known. */
static size_t read_bytes(const struct session *s, uint64_t addr, uint8_t *bytes, size_t n)
{
    enum mem_space space = session_space(s);
    if (s->task_tid && space == SPACE_HOME)
        return linux_read(s->target->linux_guest, addr, bytes, n);
    return machine_read_memory(s->target->machine, s->cpu, space, addr, bytes, n);
}

/* Begins a reply, and reads up to max bytes of the request into its own buffer. NULL, with the refusal sent,
 * if bytes were wanted and not even the first is readable. */
static uint8_t *read_memory(struct session *s, const struct rsp_request *r, size_t max, size_t *got)
{
    size_t want = r->mem.len < max ? r->mem.len : max;
    rsp_begin(&s->out, RSP_PLAIN);
    uint8_t *bytes = rsp_space(&s->out, want);
    *got = bytes ? read_bytes(s, r->mem.addr, bytes, want) : 0;
    if (*got || !want)
        return bytes;
    session_refuse(s, RSP_EFAULT, "this address cannot be read: it does not translate, or is outside memory");
    return NULL;
}

/* Whether a block is one byte all through, as memory that was never used is. Looking for shorter runs takes
 * longer than sending them. */
static bool one_byte(const uint8_t *bytes, size_t n)
{
    return n > 1 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

void cmd_read_mem(struct session *s, const struct rsp_request *r)
{
    size_t got;
    uint8_t *bytes = read_memory(s, r, RSP_PACKET_MAX / 2, &got);
    if (!bytes)
        return;
    if (one_byte(bytes, got) && bytes[0] % 0x11 == 0)
        rsp_run(&s->out, "0123456789abcdef"[bytes[0] / 0x11], 2 * got);
    else
        rsp_hex(&s->out, bytes, got);
    rsp_end(&s->out);
}

void cmd_read_mem_binary(struct session *s, const struct rsp_request *r)
{
    size_t got;
    uint8_t *bytes = read_memory(s, r, RSP_PACKET_MAX, &got);
    if (!bytes)
        return;
    rsp_str(&s->out, "b");
    if (one_byte(bytes, got) && !memchr("#$}*", bytes[0], 4))
        rsp_run(&s->out, (char)bytes[0], got);
    else
        rsp_binary(&s->out, bytes, got);
    rsp_end(&s->out);
}

void cmd_write_mem(struct session *s, const struct rsp_request *r)
{
    struct machine *m = s->target->machine;
    if (!may_write(s))
        return;
    linux_changed(s->target->linux_guest);
    if (machine_write_memory(m, s->cpu, session_space(s), r->mem.addr, r->mem.data, r->mem.len) == r->mem.len)
        rsp_reply(&s->out, "OK");
    else
        session_refuse(s, RSP_EFAULT,
                       "not all of these addresses can be written: they do not translate, or are "
                       "outside memory");
}

void cmd_query_phys_mode(struct session *s, const struct rsp_request *r)
{
    (void)r;
    rsp_reply(&s->out, s->phys_mode ? "1" : "0");
}

void cmd_set_phys_mode(struct session *s, const struct rsp_request *r)
{
    s->phys_mode = r->flag;
    rsp_reply(&s->out, "OK");
}
