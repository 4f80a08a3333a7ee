/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts the pieces into memory as a kernel has them. */
#include "linux_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zgdbd/bytes.h"

#define REGION_TABLE 0x4000u
#define SEGMENT_TABLE 0x8000u
#define PAGE_TABLE 0xc000u
#define FREE 0xd000u
#define CRST_ENTRIES 2048u
#define PAGE_ENTRIES 256u

#define R3_ENTRY 0x7u /* region-third-table type, whole table */
#define R3_EMPTY 0x24u
#define SEGMENT_EMPTY 0x20u
#define PAGE_EMPTY 0x400u

/* ---- memory ---- */

void lrig_put(struct linux_rig *r, uint64_t at, const void *bytes, size_t n)
{
    if (at > FAKE_MEMORY || n > FAKE_MEMORY - at)
        abort();
    memcpy(r->fake->memory + at, bytes, n);
}

void lrig_put64(struct linux_rig *r, uint64_t at, uint64_t value)
{
    value = htobe64(value);
    lrig_put(r, at, &value, sizeof value);
}

void lrig_put32(struct linux_rig *r, uint64_t at, uint32_t value)
{
    value = htobe32(value);
    lrig_put(r, at, &value, sizeof value);
}

uint64_t lrig_room(struct linux_rig *r, size_t bytes, size_t align)
{
    uint64_t at = (r->next + align - 1) / align * align;

    if (at + bytes > FAKE_MEMORY)
        abort();
    r->next = at + bytes;
    return at;
}

/* ---- translation ---- */

static void put_tables(struct linux_rig *r)
{
    for (unsigned i = 0; i < CRST_ENTRIES; i++) {
        lrig_put64(r, REGION_TABLE + 8 * i, R3_EMPTY);
        lrig_put64(r, SEGMENT_TABLE + 8 * i, SEGMENT_EMPTY);
    }
    lrig_put64(r, REGION_TABLE + 8 * (r->virt >> 31), SEGMENT_TABLE | R3_ENTRY);
    lrig_put64(r, SEGMENT_TABLE + 8 * (r->virt >> 20 & 0x7ff), PAGE_TABLE);
    for (uint64_t i = 0; i < PAGE_ENTRIES; i++)
        lrig_put64(r, PAGE_TABLE + 8 * i, i << 12 < FAKE_MEMORY ? i << 12 : PAGE_EMPTY);
}

static void set_cr13(struct linux_rig *r, uint64_t asce)
{
    r->fake->dat.cr[13] = asce;
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++)
        store_be64(r->fake->regs[cpu][REG_C0 + 13], asce);
}

void lrig_without_cr(struct linux_rig *r)
{
    set_cr13(r, 0);
    r->fake->machine.reg_features &= ~(1u << REG_CR);
}

void lrig_in(struct linux_rig *r, struct fake_machine *fake, uint64_t virt)
{
    *r = (struct linux_rig){.fake = fake, .virt = virt, .next = FREE, .table = REGION_TABLE};
    memset(fake->memory, 0, FAKE_MEMORY);
    put_tables(r);
    set_cr13(r, REGION_TABLE | R3_ENTRY);
}

struct linux_rig *lrig_open(uint64_t virt)
{
    struct linux_rig *r = malloc(sizeof *r);

    if (!r)
        abort();
    lrig_in(r, fake_create((struct machine_events){NULL, NULL}), virt);
    r->g = linux_open(&r->fake->machine);
    if (!r->g)
        abort();
    return r;
}

void lrig_close(struct linux_rig *r)
{
    linux_close(r->g);
    machine_destroy(&r->fake->machine);
    free(r);
}

/* ---- vmcoreinfo ---- */

void lrig_info(struct linux_rig *r, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(r->text + r->text_len, sizeof r->text - r->text_len, fmt, ap);
    va_end(ap);
    if (n < 0 || r->text_len + (size_t)n + 2 > sizeof r->text)
        abort();
    r->text_len += (size_t)n;
    r->text[r->text_len++] = '\n';
}

static void info_symbol(struct linux_rig *r, const char *name, uint64_t absolute)
{
    lrig_info(r, "SYMBOL(%s)=%llx", name, (unsigned long long)lrig_virtual(r, absolute));
}

static void put_note(struct linux_rig *r)
{
    r->note = lrig_room(r, 24 + RIG_TEXT, 4096);
    lrig_put32(r, r->note, sizeof "VMCOREINFO");
    lrig_put32(r, r->note + 4, (uint32_t)r->text_len);
    lrig_put(r, r->note + 12, "VMCOREINFO", sizeof "VMCOREINFO");
    lrig_put(r, r->note + 24, r->text, r->text_len);
    lrig_put64(r, 0xe0c, r->note);
}

/* ---- kallsyms ---- */

/* Most bytes stand for themselves, some for more. */
static const char *const longer[] = {"Tp", "vfs_", "sys", "read"};

static const char *token(unsigned byte, char *buf)
{
    if (byte < sizeof longer / sizeof *longer)
        return longer[byte];
    buf[0] = byte > ' ' && byte <= '~' ? (char)byte : 0;
    buf[1] = 0;
    return buf;
}

static void put_tokens(struct linux_rig *r)
{
    char buf[2];
    uint16_t offset = 0;

    r->token_table = lrig_room(r, 1024, 8);
    r->token_index = lrig_room(r, 512, 8);
    for (unsigned i = 0; i < 256; i++) {
        const char *text = token(i, buf);
        uint16_t index = htobe16(offset);
        lrig_put(r, r->token_index + 2 * i, &index, 2);
        lrig_put(r, r->token_table + offset, text, strlen(text) + 1);
        offset = (uint16_t)(offset + strlen(text) + 1);
    }
}

/* Type and name, compressed; how many bytes. */
static size_t compress(const struct rig_symbol *s, uint8_t *out)
{
    char text[LINUX_NAME_BYTES + 2];
    size_t n = 0;

    snprintf(text, sizeof text, "%c%s", s->type, s->name);
    for (const char *p = text; *p;) {
        unsigned byte = 0;
        while (byte < sizeof longer / sizeof *longer && strncmp(p, longer[byte], strlen(longer[byte])) != 0)
            byte++;
        if (byte == sizeof longer / sizeof *longer)
            byte = (unsigned char)*p;
        out[n++] = (uint8_t)byte;
        p += byte < ' ' ? strlen(longer[byte]) : 1;
    }
    return n;
}

static void put_name(struct linux_rig *r, const struct rig_symbol *s)
{
    uint8_t bytes[LINUX_NAME_BYTES + 2], head[2];
    size_t n = compress(s, bytes), heads = n < 0x80 ? 1 : 2;

    head[0] = (uint8_t)(n < 0x80 ? n : (n & 0x7f) | 0x80);
    head[1] = (uint8_t)(n >> 7);
    lrig_put(r, lrig_room(r, heads, 1), head, heads);
    lrig_put(r, lrig_room(r, n, 1), bytes, n);
}

static int by_address(const void *a, const void *b)
{
    const struct rig_symbol *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void put_kallsyms(struct linux_rig *r)
{
    uint64_t base = lrig_virtual(r, RIG_KERNEL);

    qsort(r->symbols, r->nsymbols, sizeof *r->symbols, by_address);
    put_tokens(r);
    r->num_syms = lrig_room(r, 4, 8);
    lrig_put32(r, r->num_syms, (uint32_t)r->nsymbols);
    r->relative_base = lrig_room(r, 8, 8);
    lrig_put64(r, r->relative_base, base);
    r->addresses = lrig_room(r, 4 * r->nsymbols, 8);
    for (size_t i = 0; i < r->nsymbols; i++) {
        uint64_t at = r->addresses + 4 * i, from = r->place_relative ? lrig_virtual(r, at) : base;
        lrig_put32(r, at, (uint32_t)(r->symbols[i].addr - from));
    }
    r->names = lrig_room(r, 0, 8);
    for (size_t i = 0; i < r->nsymbols; i++)
        put_name(r, &r->symbols[i]);
    info_symbol(r, "kallsyms_names", r->names);
    info_symbol(r, "kallsyms_num_syms", r->num_syms);
    info_symbol(r, "kallsyms_token_table", r->token_table);
    info_symbol(r, "kallsyms_token_index", r->token_index);
    info_symbol(r, "kallsyms_offsets", r->addresses);
    if (!r->place_relative)
        info_symbol(r, "kallsyms_relative_base", r->relative_base);
}

void lrig_symbol(struct linux_rig *r, const char *name, char type, uint64_t addr_virtual)
{
    if (r->nsymbols == RIG_SYMBOLS)
        abort();
    r->symbols[r->nsymbols++] = (struct rig_symbol){name, type, addr_virtual};
}

/* ---- all of it ---- */

void lrig_boot(struct linux_rig *r)
{
    char own[RIG_TEXT];
    size_t own_len = r->text_len;

    /* A kernel's own text begins with its release. */
    memcpy(own, r->text, own_len);
    r->text_len = 0;
    lrig_info(r, "OSRELEASE=6.1.0-rig");
    lrig_info(r, "BUILD-ID=0123456789abcdef0123456789abcdef01234567");
    lrig_info(r, "PAGESIZE=4096");
    info_symbol(r, "swapper_pg_dir", r->table);
    info_symbol(r, "_stext", RIG_KERNEL);
    lrig_info(r, "KERNELOFFSET=%llx", (unsigned long long)lrig_virtual(r, RIG_KERNEL));
    if (r->virt != RIG_LOW) {
        lrig_info(r, "IDENTITYBASE=0");
        lrig_info(r, "KERNELOFFPHYS=%llx", (unsigned long long)RIG_KERNEL);
    }
    if (r->text_len + own_len > sizeof r->text)
        abort();
    memcpy(r->text + r->text_len, own, own_len);
    r->text_len += own_len;
    lrig_symbol(r, "_stext", 'T', lrig_virtual(r, RIG_KERNEL));
    lrig_symbol(r, "panic", 'T', lrig_virtual(r, RIG_KERNEL + 0x100));
    lrig_symbol(r, "_etext", 'T', lrig_virtual(r, RIG_KERNEL + 0x1000));
    put_kallsyms(r);
    put_note(r);
}

/* ---- modules ---- */

#define MODULE_NODE 0x200u /* of the tree, in struct module; multiple of 8 */
#define MODULE_KALLSYMS 0x400u
#define MODULE_BYTES 0x800u

void lrig_list(struct linux_rig *r)
{
    r->modules = lrig_room(r, 16, 16);
    lrig_put64(r, r->modules, lrig_virtual(r, r->modules));
    lrig_put64(r, r->modules + 8, lrig_virtual(r, r->modules));
}

/* list_add(): at is the link's place. */
static void link_in(struct linux_rig *r, uint64_t at)
{
    uint64_t next = load_be64(r->fake->memory + r->modules);

    lrig_put64(r, at, next);
    lrig_put64(r, at + 8, lrig_virtual(r, r->modules));
    lrig_put64(r, next - r->virt + 8, lrig_virtual(r, at));
    lrig_put64(r, r->modules, lrig_virtual(r, at));
}

/* base and sizes in front of the node, which begins with the module's address. */
static void put_layout(struct linux_rig *r, uint64_t node, uint64_t module, uint64_t base, uint32_t size)
{
    lrig_put64(r, node - 24, lrig_virtual(r, base));
    lrig_put32(r, node - 16, size);
    for (unsigned i = 0; i < 3; i++)
        lrig_put32(r, node - 12 + 4 * i, 0x1000);
    lrig_put64(r, node, lrig_virtual(r, module));
}

static void put_memory(struct linux_rig *r, uint64_t node, uint64_t module, uint64_t base, uint32_t size)
{
    lrig_put64(r, node - 16, size ? lrig_virtual(r, base) : 0);
    lrig_put32(r, node - 8, size);
    lrig_put64(r, node, lrig_virtual(r, module));
}

/* The three tables, and where they are into a struct mod_kallsyms. The first symbol is empty, as in every
 * table. */
static void put_module_symbols(struct linux_rig *r, uint64_t at, uint64_t tables, uint64_t code,
                               const struct rig_symbol *symbols, size_t n)
{
    uint64_t types = tables + 24 * (n + 1), strings = types + n + 1, name = strings + 1;

    for (size_t i = 0; i < n; i++) {
        uint64_t sym = tables + 24 * (i + 1);
        lrig_put32(r, sym, (uint32_t)(name - strings));
        lrig_put32(r, sym + 4, 1);
        lrig_put64(r, sym + 8, lrig_virtual(r, code + symbols[i].addr));
        lrig_put(r, types + i + 1, &symbols[i].type, 1);
        lrig_put(r, name, symbols[i].name, strlen(symbols[i].name) + 1);
        name += strlen(symbols[i].name) + 1;
    }
    lrig_put64(r, at, lrig_virtual(r, tables));
    lrig_put32(r, at + 8, (uint32_t)n + 1);
    lrig_put64(r, at + 16, lrig_virtual(r, strings));
    lrig_put64(r, at + 24, lrig_virtual(r, types));
}

uint64_t lrig_module(struct linux_rig *r, const char *name, enum rig_module_form form,
                     const struct rig_symbol *symbols, size_t n)
{
    uint64_t code = lrig_room(r, 0x4000, 0x1000), module = code + 0x1000, tables = module + MODULE_BYTES;
    uint64_t kallsyms = module + MODULE_KALLSYMS;

    lrig_put(r, module + 24, name, strlen(name));
    link_in(r, module + 8);
    if (form == RIG_MEMORY) {
        put_memory(r, module + MODULE_NODE, module, code, 0x1000);
        put_memory(r, module + MODULE_NODE + 72, module, module, 0x1000);
        put_memory(r, module + MODULE_NODE + 2 * 72, module, 0, 0);
    } else {
        put_layout(r, module + MODULE_NODE, module, code, 0x2000);
        put_layout(r, module + MODULE_NODE + 80, module, code + 0x2000, form == RIG_STARTING ? 0x2000 : 0);
    }
    lrig_put64(r, kallsyms, lrig_virtual(r, kallsyms + 8));
    put_module_symbols(r, kallsyms + 8, tables, code, symbols, n);
    if (form == RIG_STARTING) {
        lrig_put32(r, module, 1);
        lrig_put64(r, kallsyms, lrig_virtual(r, code + 0x3000));
        put_module_symbols(r, code + 0x3000, code + 0x3020, code, symbols, n);
        lrig_put32(r, kallsyms + 16, 1); /* its own table has no symbol that lasts */
    }
    return module;
}
