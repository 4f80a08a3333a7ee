/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine that is dumped, and a reader of dumps that knows only elf.h: see dump_rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump_rig.h"
#include "zgdbd/bytes.h"

static struct rig *rig_of(struct machine *m)
{
    return (struct rig *)m;
}

static int op_read_reg(struct machine *m, unsigned cpu, unsigned reg, uint8_t *bytes)
{
    return machine_read_reg(&rig_of(m)->fake->machine, cpu, reg, bytes);
}

static size_t op_read_memory(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr, void *buf,
                             size_t len)
{
    struct rig *r = rig_of(m);

    (void)cpu;
    assert_int_equal(space, SPACE_ABSOLUTE);
    r->reads++;
    if (addr >= m->memory)
        return 0;
    if (len > m->memory - addr)
        len = (size_t)(m->memory - addr);
    if (r->most && len > r->most)
        len = r->most;
    for (unsigned i = 0; i < r->nholes; i++) {
        if (addr >= r->holes[i].start && addr < r->holes[i].end)
            return 0;
        if (addr < r->holes[i].start && len > r->holes[i].start - addr)
            len = (size_t)(r->holes[i].start - addr);
    }
    memcpy(buf, r->memory + addr, len);
    return len;
}

static uint64_t op_look(struct machine *m, uint64_t absolute, uint64_t len, const uint8_t **bytes)
{
    struct rig *r = rig_of(m);
    bool untouched = absolute >= r->untouched && absolute < r->touched;
    uint64_t end = untouched ? r->touched : absolute < r->untouched ? r->untouched : m->memory;

    assert_true(len && absolute < m->memory && len <= m->memory - absolute);
    *bytes = untouched ? NULL : r->memory + absolute;
    return len < end - absolute ? len : end - absolute;
}

void rig_shows(struct rig *r)
{
    r->ops.look = op_look;
}

struct rig *rig_open(uint64_t memory, unsigned without)
{
    struct rig *r = calloc(1, sizeof *r);

    r->fake = fake_create((struct machine_events){NULL, NULL});
    r->fake->machine.reg_features = ((1u << REG_FEATURES) - 1) & ~without;
    r->ops = (struct machine_ops){.read_reg = op_read_reg, .read_memory = op_read_memory};
    r->machine = r->fake->machine;
    r->machine.ops = &r->ops;
    r->machine.memory = memory;
    r->memory = calloc(1, memory);
    r->guest = linux_open(&r->machine);
    strcpy(r->dir, "/tmp/zgdbd-dump-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->path, sizeof r->path, "%s/vmcore", r->dir);
    return r;
}

void rig_close(struct rig *r, ...)
{
    char path[128];
    const char *name;
    va_list ap;

    va_start(ap, r);
    while ((name = va_arg(ap, const char *))) {
        snprintf(path, sizeof path, "%s/%s", r->dir, name);
        assert_int_equal(unlink(path), 0);
    }
    va_end(ap);
    assert_int_equal(rmdir(r->dir), 0); /* it is empty */
    linux_close(r->guest);
    machine_destroy(&r->fake->machine);
    free(r->memory);
    free(r);
}

void rig_vmcoreinfo(struct rig *r, const char *text)
{
    uint8_t *note = r->memory + 0x8000;

    store_be64(r->memory + 0xe0c, 0x8000);
    store_be32(note, sizeof "VMCOREINFO");
    store_be32(note + 4, (uint32_t)strlen(text));
    strcpy((char *)note + 12, "VMCOREINFO");
    strcpy((char *)note + 24, text);
    linux_changed(r->guest);
}

const char *rig_run(struct rig *r, struct dump *d, struct dump_result *result)
{
    int more = d ? 1 : -1;

    while (more > 0)
        more = dump_step(d, 0, &r->e);
    if (d && more == 0)
        return dump_finish(d, result, &r->e) ? r->e.text : NULL;
    if (d)
        dump_abandon(d);
    return r->e.text;
}

uint8_t *rig_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *file;

    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *size = (size_t)ftell(f);
    rewind(f);
    file = malloc(*size + 1);
    assert_int_equal(fread(file, 1, *size, f), *size);
    fclose(f);
    return file;
}

unsigned rig_segments(const uint8_t *file)
{
    return load_be16(file + offsetof(Elf64_Ehdr, e_phnum));
}

Elf64_Phdr rig_segment(const uint8_t *file, unsigned i)
{
    const uint8_t *p = file + load_be64(file + offsetof(Elf64_Ehdr, e_phoff)) + i * sizeof(Elf64_Phdr);

    assert_true(i < rig_segments(file));
    return (Elf64_Phdr){.p_type = load_be32(p),
                        .p_flags = load_be32(p + 4),
                        .p_offset = load_be64(p + 8),
                        .p_vaddr = load_be64(p + 16),
                        .p_paddr = load_be64(p + 24),
                        .p_filesz = load_be64(p + 32),
                        .p_memsz = load_be64(p + 40),
                        .p_align = load_be64(p + 48)};
}

const uint8_t *rig_note(const uint8_t *file, uint32_t type, unsigned n, const char *name, uint32_t *size)
{
    Elf64_Phdr all = rig_segment(file, 0);
    const uint8_t *at = file + all.p_offset, *end = at + all.p_filesz;

    assert_int_equal(all.p_type, PT_NOTE);
    while (at < end) {
        uint32_t namesz = load_be32(at), descsz = load_be32(at + 4);
        const uint8_t *desc = at + 12 + ((namesz + 3) & ~3u);

        assert_true(desc + descsz <= end);
        if (load_be32(at + 8) == type && n-- == 0) {
            assert_int_equal(namesz, strlen(name) + 1);
            assert_string_equal((const char *)at + 12, name);
            *size = descsz;
            return desc;
        }
        at = desc + ((descsz + 3) & ~3u);
    }
    assert_ptr_equal(at, end);
    return NULL;
}
