/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the readers of the kernel's log and of call chains, and the panic report, in the memory of a kernel
 * whose vmcoreinfo and symbols are right, and whose rings, stacks, lowcore and code are what the input makes
 * of those that it has at first. The chain must have frames that make sense, the log text that is printable,
 * the report what its bounds say. */
#include <stdlib.h>
#include <string.h>

#include "../../stub/linux/internal.h"
#include "input.h"
#include "zgdbd/bytes.h"
#include "zgdbd/psw.h"
#include "zgdbd/regs.h"
#include "zgdbd/report.h"

#define MEMORY 0x20000u
#define NOTE 0x2000u
#define RING 0x3000u
#define PREFIX 0x4000u
#define RECORDS 0x6000u
#define SYMBOLS 0x7000u
#define CODE 0x8000u
#define FUNCTION 0x40u
#define STACK 0x10000u
#define STACK_BYTES 0x4000u
#define STACK_INIT (STACK_BYTES - 160 - 192)

struct fuzz_machine {
    struct machine machine;
    uint64_t pswm, pswa, gpr[16];
    uint8_t memory[MEMORY];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char info[] =
    "OSRELEASE=6.1.0\nKERNELOFFSET=0\nSYMBOL(_stext)=8000\n"
    "SYMBOL(prb)=3000\n"
    "OFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_ring)=48\n"
    "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
    "OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
    "OFFSET(prb_desc_ring.tail_id)=32\n"
    "SIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8\n"
    "OFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8\n"
    "SIZE(printk_info)=32\nOFFSET(printk_info.seq)=0\nOFFSET(printk_info.ts_nsec)=8\n"
    "OFFSET(printk_info.text_len)=16\n"
    "OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"
    "SYMBOL(kallsyms_num_syms)=7000\nSYMBOL(kallsyms_relative_base)=7008\n"
    "SYMBOL(kallsyms_offsets)=7010\nSYMBOL(kallsyms_names)=7030\n"
    "SYMBOL(kallsyms_token_table)=7100\nSYMBOL(kallsyms_token_index)=7400\n";

static const uint8_t function[] = {
    0xeb, 0xbf, 0xf0, 0x70, 0x00, 0x24, /* stmg %r11,%r15,112(%r15) */
    0xb9, 0x04, 0x00, 0xef,             /* lgr %r14,%r15 */
    0xe3, 0xf0, 0xff, 0x58, 0xff, 0x71, /* lay %r15,-168(%r15) */
    0xe3, 0xe0, 0xf0, 0x98, 0x00, 0x24, /* stg %r14,152(%r15) */
    0xc0, 0xe5, 0x00, 0x00, 0x00, 0x20, /* brasl %r14,... */
    0xeb, 0xbf, 0xf1, 0x18, 0x00, 0x04, /* lmg %r11,%r15,280(%r15) */
    0x07, 0xfe,                         /* br %r14 */
};

/* Every space is real: the tables are fuzzed elsewhere. */
static size_t op_read_memory(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr, void *buf,
                             size_t len)
{
    const struct fuzz_machine *f = (const struct fuzz_machine *)m;
    (void)cpu;
    (void)space;
    if (addr >= MEMORY)
        return 0;
    if (len > MEMORY - addr)
        len = (size_t)(MEMORY - addr);
    memcpy(buf, f->memory + addr, len);
    return len;
}

static int op_read_reg(struct machine *m, unsigned cpu, unsigned reg, uint8_t *bytes)
{
    const struct fuzz_machine *f = (const struct fuzz_machine *)m;
    (void)cpu;
    if (reg >= REG_R0 && reg < REG_R0 + 16)
        store_be64(bytes, f->gpr[reg - REG_R0]);
    else if (reg == REG_PSWM || reg == REG_PSWA)
        store_be64(bytes, reg == REG_PSWM ? f->pswm : f->pswa);
    else
        return -1;
    return 0;
}

static void op_dat_context(struct machine *m, unsigned cpu, struct dat_context *out)
{
    (void)cpu;
    *out = (struct dat_context){
        .memory = ((struct fuzz_machine *)m)->memory, .size = MEMORY, .prefix = PREFIX, .cr[13] = 0x20};
}

static enum cpu_state op_state(struct machine *m, unsigned cpu)
{
    (void)cpu;
    return (enum cpu_state)(((struct fuzz_machine *)m)->gpr[0] & 3);
}

static const struct machine_ops ops = {
    .read_memory = op_read_memory, .read_reg = op_read_reg, .dat_context = op_dat_context, .state = op_state};

static void check_record(void *ctx, const struct linux_log_record *r)
{
    char *lines = malloc(0x10000 + 64);
    size_t len;
    (void)ctx;
    if (!lines || r->text[r->len])
        abort();
    for (size_t i = 0; i < r->len; i++)
        if (!strchr("\t\n", r->text[i]) && (r->text[i] < ' ' || r->text[i] > '~'))
            abort();
    len = linux_log_format(r, lines, 0x10000);
    if (len < r->len || (len < 0x10000 && strlen(lines) != len))
        abort();
    free(lines);
}

static void check_log(struct linux_guest *g, size_t last)
{
    struct err e = {0};
    if (linux_log(g, last, check_record, NULL, &e) && !e.text[0])
        abort();
}

static void check_chain(struct linux_guest *g, const struct linux_frame *frames, size_t n, size_t max)
{
    char words[100];
    if (n < 1 || n > max || frames[0].kind != FRAME_CPU)
        abort();
    for (size_t i = 0; i < n; i++) {
        if (frames[i].user && (i + 1 < n || frames[i].kind == FRAME_GUESS))
            abort();
        linux_frame_describe(g, &frames[i], words, sizeof words);
        linux_stack_name(frames[i].stack);
    }
}

static void check_chains(struct linux_guest *g, const struct fuzz_machine *f)
{
    struct linux_frame frames[LINUX_FRAMES_MAX];
    const char *why;
    size_t max = 1 + f->gpr[0] % LINUX_FRAMES_MAX;
    check_chain(g, frames, linux_backtrace(g, 0, frames, max, &why), max);
    check_chain(g, frames, linux_backtrace_task(g, f->gpr[15], frames, max, &why), max);
}

struct report_size {
    size_t lines, bytes;
};

static void check_line(void *ctx, const char *line)
{
    struct report_size *size = ctx;
    size_t len = strlen(line);
    size->bytes += len + 1;
    if (++size->lines > REPORT_LINES_MAX || size->bytes > REPORT_BYTES_MAX || len >= REPORT_LINE_BYTES)
        abort();
    for (size_t i = 0; i < len; i++)
        if (line[i] < ' ' || line[i] > '~')
            abort();
}

static void check_report(struct linux_guest *g, struct fuzz_machine *f)
{
    struct stop stop = {.reason = (enum stop_reason)(f->gpr[0] % (STOP_ERROR + 1)),
                        .loop = (enum interruption_loop)(f->gpr[0] % 3)};
    struct report_input in = {.machine = &f->machine, .guest = g, .stop = &stop};
    struct report_size size = {0};
    report_write(&in, check_line, &size);
    if (size.lines < 8)
        abort();
}

static void put_note(struct fuzz_machine *f)
{
    store_be64(f->memory + 0xe0c, NOTE);
    store_be32(f->memory + NOTE, sizeof "VMCOREINFO");
    store_be32(f->memory + NOTE + 4, sizeof info - 1);
    memcpy(f->memory + NOTE + 12, "VMCOREINFO", sizeof "VMCOREINFO");
    memcpy(f->memory + NOTE + 24, info, sizeof info - 1);
}

/* Four functions, a to d, and their names. */
static void put_symbols(struct fuzz_machine *f)
{
    uint8_t *at = f->memory + SYMBOLS;
    store_be32(at, 5);
    store_be64(at + 8, CODE);
    for (unsigned i = 0; i < 5; i++) {
        store_be32(at + 0x10 + 4 * i, i * FUNCTION);
        memcpy(at + 0x30 + 3 * i, (const uint8_t[]){2, 'T', (uint8_t)('a' + i)}, 3);
        memcpy(f->memory + CODE + i * FUNCTION, function, sizeof function);
    }
    for (unsigned i = 0; i < 256; i++) {
        at[0x100 + 2 * i] = (uint8_t)i;
        store_be16(at + 0x400 + 2 * i, (uint16_t)(2 * i));
    }
}

/* A log of eight records, of which four are written; prb points to it. */
static void put_ring(struct fuzz_machine *f)
{
    uint8_t *at = f->memory + RECORDS;
    store_be64(f->memory + RING, RING + 8);
    store_be32(f->memory + RING + 8, 3);
    store_be64(f->memory + RING + 16, RECORDS);
    store_be64(f->memory + RING + 24, RECORDS + 0x100);
    store_be64(f->memory + RING + 32, 3);
    store_be32(f->memory + RING + 56, 9);
    store_be64(f->memory + RING + 64, RECORDS + 0x200);
    for (unsigned i = 0; i < 4; i++) {
        store_be64(at + 24 * i, 2ULL << 62 | i);
        store_be64(at + 24 * i + 8, 16 * i);
        store_be64(at + 24 * i + 16, 16 * (i + 1));
        store_be16(at + 0x100 + 32 * i + 16, 8);
        memcpy(at + 0x200 + 16 * i + 8, "ab\nc\td\x1b.", 8);
    }
}

/* Three stacks, with a frame on each; the others are outside of memory. */
static void put_stacks(struct fuzz_machine *f)
{
    store_be64(f->memory + PREFIX + 0x1b8, CODE + FUNCTION); /* b is the handler of external interruptions */
    for (unsigned i = 0; i < 5; i++) {
        uint64_t sp = STACK + i * STACK_BYTES + STACK_INIT;
        store_be64(f->memory + PREFIX + 0x348 + 8 * i, sp);
        if (sp + STACK_BYTES > MEMORY)
            continue;
        store_be64(f->memory + sp - 168 + 152, sp);
        store_be64(f->memory + sp + 136, CODE + i * FUNCTION + 28);
    }
}

static void check_prologue(struct linux_guest *g, const struct fuzz_machine *f)
{
    struct linux_prologue p;
    linux_prologue(g, CODE, CODE + f->gpr[0] * 2, &p);
    linux_prologue(g, f->pswa, f->pswa + f->gpr[14], &p);
}

/* ---- the input ---- */

/* A number as such structures have them. */
static uint64_t number(struct input *in, unsigned form)
{
    switch (form & 7) {
    case 0:
        return take(in, 1);
    case 1:
        return take(in, 8);
    case 2:
        return STACK + take(in, 2);
    case 3:
        return STACK + take(in, 2) * 8;
    case 4:
        return CODE + take(in, 1) * 2;
    case 5:
        return 2ULL << 62 | take(in, 1);
    case 6:
        return PSW_EA | PSW_BA | take(in, 1) << 48;
    default:
        return 0 - take(in, 1);
    }
}

/* A place that is looked at. */
static uint64_t place(struct input *in, unsigned where)
{
    switch (where & 15) {
    case 0:
        return RING + take(in, 1) % 16 * 8;
    case 1:
        return RECORDS + take(in, 1) * 8;
    case 2:
        return RECORDS + 0x100 + take(in, 1);
    case 3:
        return PREFIX + (where & 0x40 ? 0x348 : 0x120) + take(in, 1) % 32 * 8;
    case 4:
        return CODE + take(in, 1);
    case 5:
        return STACK + STACK_INIT - 168 + take(in, 1) * 8;
    case 6:
        return STACK + STACK_BYTES + STACK_INIT - 168 + take(in, 1) * 8;
    case 7: /* the lowcore */
        return 0x80 + take(in, 1) * 2;
    default:
        return take(in, 2) * 8 % (MEMORY - 8);
    }
}

static void read_input(struct fuzz_machine *f, struct input *in)
{
    unsigned forms = (unsigned)take(in, 2);
    f->pswm = take(in, 1) & 1 ? PSW_EA | PSW_BA : take(in, 8);
    f->pswa = number(in, forms);
    f->gpr[0] = take(in, 1);
    f->gpr[14] = number(in, forms >> 3);
    f->gpr[15] = number(in, forms >> 6);
    while (in->size >= 3) {
        unsigned what = (unsigned)take(in, 1);
        uint64_t at = place(in, what);
        store_be64(f->memory + at, number(in, what >> 4));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct fuzz_machine *f = calloc(1, sizeof *f);
    struct linux_guest *g;
    if (!f)
        return 0;
    f->machine = (struct machine){
        .ops = &ops, .ncpus = 1, .memory = MEMORY, .reg_features = 1u << REG_CORE | 1u << REG_CR};
    put_note(f);
    put_ring(f);
    put_symbols(f);
    put_stacks(f);
    read_input(f, &in);
    g = linux_open(&f->machine);
    if (g) {
        check_log(g, 0);
        check_log(g, 1 + f->gpr[0]);
        check_chains(g, f);
        check_prologue(g, f);
        check_report(g, f);
        linux_close(g);
    }
    free(f);
    return 0;
}
