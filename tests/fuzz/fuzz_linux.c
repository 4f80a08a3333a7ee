/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes what is read of a Linux guest: vmcoreinfo, os_info, kallsyms, modules and their symbols, and the
 * files that are made of them for gdb, for which its code is looked at. The input changes a tiny kernel that
 * is whole: its first byte chooses which, and each change names a structure, an offset in it and bytes.
 * Whatever comes of it, lists are in order, names are text, and what is looked up by its address or by its
 * name is found again. */
#include <stdlib.h>
#include <string.h>

#include "../unit/fake_machine.c"
#include "../unit/linux_rig.c"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LOOKUPS 16u
#define LOOKS 6u /* in one run */

static const struct rig_symbol of_module[] = {
    {"vsock_bind", 't', 0x100}, {"vsock_end", 'T', 0x800}, {"init_module", 'T', 0x2080}};

static void require(bool promise)
{
    if (!promise)
        abort();
}

/* ---- the kernel ---- */

static void put_walker(struct linux_rig *r)
{
    uint64_t at = RIG_KERNEL + 0x400;

    lrig_symbol(r, "print_modules", 'T', lrig_virtual(r, at));
    lrig_put(r, at, "\xc0\x10", 2);
    lrig_put32(r, at + 2, (uint32_t)((r->modules - at) / 2));
}

static struct linux_rig *make(uint8_t choice, uint64_t *module)
{
    struct linux_rig *r = lrig_open(choice & 1 ? RIG_HIGH : RIG_LOW);
    static char longest[LINUX_NAME_BYTES]; /* a byte of it that comes to stand for more makes it too long */

    memset(longest, 'x', sizeof longest - 1);
    lrig_symbol(r, longest, 'T', lrig_virtual(r, RIG_KERNEL));
    lrig_symbol(r, "vfs_read", 't', lrig_virtual(r, RIG_KERNEL + 0x200));
    lrig_list(r);
    if (choice & 2)
        lrig_symbol(r, "modules", 'D', lrig_virtual(r, r->modules));
    else
        put_walker(r);
    *module = lrig_module(r, "vsock", (enum rig_module_form)(choice / 16 % 3), of_module, 3);
    lrig_module(r, "second", RIG_MEMORY, of_module, 2);
    lrig_boot(r);
    if (choice & 4)
        lrig_without_cr(r);
    if (choice & 8)
        lrig_put64(r, 0xe18, lrig_room(r, 4096, 4096));
    return r;
}

/* Each of them is made once. */
static struct linux_rig *open_rig(uint8_t choice, uint64_t *module)
{
    static struct {
        struct linux_rig *r;
        uint64_t module;
        uint8_t memory[FAKE_MEMORY];
    } made[64], *m;

    m = &made[choice % 64];
    if (!m->r) {
        m->r = make(choice % 64, &m->module);
        memcpy(m->memory, m->r->fake->memory, FAKE_MEMORY);
    }
    memcpy(m->r->fake->memory, m->memory, FAKE_MEMORY);
    linux_reset(m->r->g);
    *module = m->module;
    return m->r;
}

/* One change of up to 8 bytes. */
static void change(struct linux_rig *r, uint64_t module, struct input *in)
{
    const uint64_t places[] = {0xe0c,
                               0xe18,
                               r->note,
                               r->num_syms,
                               r->relative_base,
                               r->names,
                               r->addresses,
                               r->token_index,
                               r->token_table,
                               RIG_KERNEL, /* code */
                               r->modules,
                               module,
                               module + MODULE_NODE - 24,
                               module + MODULE_KALLSYMS,
                               module + MODULE_BYTES,
                               REGION_TABLE + 8 * (r->virt >> 31),
                               PAGE_TABLE,
                               load_be64(r->fake->memory + 0xe18)};
    uint64_t at = places[take(in, 1) % (sizeof places / sizeof *places)] + take(in, 2);

    for (uint64_t n = 1 + take(in, 1) % 8; n; n--, at++) {
        uint8_t byte = (uint8_t)take(in, 1);
        if (at < FAKE_MEMORY)
            r->fake->memory[at] = byte;
    }
}

/* ---- what must hold ---- */

static void check_list(const struct linux_symbol *list, size_t n, const char *module)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(list[i].name);
        require(len && len < LINUX_NAME_BYTES && list[i].module == module);
        require(!i || list[i - 1].addr <= list[i].addr);
        require(!list[i].size || list[i].addr + list[i].size > list[i].addr);
        for (size_t j = 0; j < len; j++)
            require(list[i].name[j] > ' ' && list[i].name[j] <= '~');
    }
}

static void check_lookups(struct linux_guest *g, const struct linux_symbol *list, size_t n)
{
    char text[LINUX_NAME_BYTES + 128];

    for (size_t i = 0, step = n / LOOKUPS + 1; i < n; i += step) {
        struct linux_symbol s;
        uint64_t addr;
        require(linux_symbol_named(g, list[i].name, &addr));
        if (linux_symbol_at(g, list[i].addr, &s))
            require(list[i].addr - s.addr < s.size || list[i].addr == s.addr);
        linux_symbolise(g, list[i].addr + 1, text, sizeof text);
    }
}

#define PROBES 12u
#define PROBE_BYTES (LINUX_NAME_BYTES + 128)

/* Symbols that are made one by one. */
static void probe(struct linux_rig *r, char text[PROBES][PROBE_BYTES])
{
    for (unsigned i = 0; i < PROBES; i++)
        linux_symbolise(r->g, lrig_virtual(r, RIG_KERNEL + 0x84 * i), text[i], PROBE_BYTES);
}

/* They are the same once all of them were made. */
static void compare(struct linux_rig *r, char before[PROBES][PROBE_BYTES])
{
    char after[PROBES][PROBE_BYTES];

    probe(r, after);
    for (unsigned i = 0; i < PROBES; i++)
        require(strcmp(before[i], after[i]) == 0);
}

/* A file of symbols that are readable is an ELF file, of a size that their number bounds. */
static void check_file(struct linux_guest *g, const struct linux_module *module, size_t nsymbols)
{
    struct err e;
    size_t size = 0;
    uint8_t *file = linux_symbol_file(g, module, &size, &e);

    require(file && size > 64 && memcmp(file, "\177ELF", 4) == 0);
    require(size < 0x4000 + nsymbols * (LINUX_NAME_BYTES + 128));
    free(file);
}

static void look_at(struct linux_rig *r)
{
    const struct linux_facts *f = linux_facts(r->g);
    const struct linux_symbol *symbols;
    const struct linux_module *modules;
    char before[PROBES][PROBE_BYTES];
    struct err e;
    uint64_t value;
    size_t n;

    probe(r, before);
    require(f->state != LINUX_READABLE || strlen(f->text) == f->text_len);
    require(linux_vmcoreinfo(r->g, "PAGESIZE", &value) <= (f->state == LINUX_READABLE));
    if (linux_symbols(r->g, &symbols, &n, &e))
        require(n == 0 && f->state <= LINUX_READABLE && *e.text);
    else {
        compare(r, before);
        check_file(r->g, NULL, n);
    }
    check_list(symbols, n, NULL);
    check_lookups(r->g, symbols, n);
    if (linux_modules(r->g, &modules, &n, &e))
        require(n == 0 && *e.text);
    for (size_t i = 0; i < n; i++) {
        require(memchr(modules[i].name, 0, sizeof modules[i].name) && modules[i].base % 4096 == 0);
        check_list(modules[i].symbols, modules[i].nsymbols, modules[i].name);
        check_lookups(r->g, modules[i].symbols, modules[i].nsymbols);
        check_file(r->g, &modules[i], modules[i].nsymbols);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint64_t module;
    struct linux_rig *r = open_rig((uint8_t)take(&in, 1), &module);

    for (unsigned looks = 0; in.size && looks < LOOKS; looks++) {
        uint8_t turns = (uint8_t)(take(&in, 1) % 4);
        for (unsigned i = 0; i <= turns; i++)
            change(r, module, &in);
        look_at(r);
        linux_changed(r->g);
    }
    require(r->fake->violations == 0);
    return 0;
}
