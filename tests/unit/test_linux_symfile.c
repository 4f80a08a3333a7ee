/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of symbols for gdb, as libelf reads it, and the frame information in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "linux_rig.h"
#include "zgdbd/bytes.h"

#define CODE(offset) (RIG_KERNEL + (offset))

/* As gcc begins a function: a patchable instruction, %r11 to %r15 saved, 48 bytes of stack, the back chain.
 */
static const uint8_t prologue[] = {0xc0, 0x04, 0,    0,    0,    0,    0xeb, 0xbf, 0xf0, 0x70,
                                   0,    0x24, 0xb9, 0x04, 0,    0xef, 0xe3, 0xf0, 0xff, 0xd0,
                                   0xff, 0x71, 0xe3, 0xe0, 0xf0, 0x98, 0,    0x24};
/* The same without a saved %r14: nothing is called. */
static const uint8_t leaf_frame[] = {0xa7, 0xfb, 0xff, 0x60, 0xe3, 0x10, 0xf0, 0x98, 0, 0x24, 0x07, 0xfe};
static const uint8_t frameless[] = {0x07, 0xfe};
/* In assembler: it calls, and has no such prologue. */
static const uint8_t calls[] = {0xb9, 0x04, 0, 0x12, 0xc0, 0xe5, 0, 0, 0, 0};

struct fde {
    uint64_t start, end;
    uint32_t cie;
    const uint8_t *code;
    size_t len;
};

struct parsed {
    uint8_t *file;
    size_t size;
    Elf *elf;
    const uint8_t *frames;
    size_t frames_size;
};

static Elf_Data *section(struct parsed *p, const char *name, GElf_Shdr *header)
{
    size_t names;
    assert_int_equal(elf_getshdrstrndx(p->elf, &names), 0);
    for (Elf_Scn *s = elf_nextscn(p->elf, NULL); s; s = elf_nextscn(p->elf, s)) {
        assert_non_null(gelf_getshdr(s, header));
        if (strcmp(elf_strptr(p->elf, names, header->sh_name), name) == 0)
            return elf_rawdata(s, NULL);
    }
    fail_msg("there is no section %s", name);
    return NULL;
}

static void parse(struct parsed *p, struct linux_rig *r)
{
    GElf_Shdr header;
    struct err e = {.text = ""};
    elf_version(EV_CURRENT);
    p->file = linux_symbol_file(r->g, NULL, &p->size, &e);
    assert_string_equal(e.text, "");
    assert_non_null(p->file);
    p->elf = elf_memory((char *)p->file, p->size);
    assert_non_null(p->elf);
    Elf_Data *frames = section(p, ".debug_frame", &header);
    p->frames = frames->d_buf;
    p->frames_size = frames->d_size;
}

static void done(struct parsed *p)
{
    elf_end(p->elf);
    free(p->file);
}

/* The symbol of this name; its index. */
static size_t symbol(struct parsed *p, const char *name, GElf_Sym *out)
{
    GElf_Shdr header;
    const uint8_t *symbols = section(p, ".symtab", &header)->d_buf;
    const char *strings;
    size_t n = header.sh_size / sizeof(Elf64_Sym);
    GElf_Shdr other;
    strings = section(p, ".strtab", &other)->d_buf;
    for (size_t i = 1; i < n; i++) {
        const uint8_t *at = symbols + i * sizeof(Elf64_Sym);
        if (strcmp(strings + load_be32(at), name) != 0)
            continue;
        out->st_info = at[4];
        out->st_shndx = load_be16(at + 6);
        out->st_value = load_be64(at + 8);
        out->st_size = load_be64(at + 16);
        assert_int_equal(i >= header.sh_info, GELF_ST_BIND(out->st_info) == STB_GLOBAL);
        return i;
    }
    fail_msg("there is no symbol %s", name);
    return 0;
}

/* The entry for an address; of several the first. */
static struct fde fde_at(const struct parsed *p, uint64_t addr)
{
    for (size_t at = 0; at < p->frames_size; at += 4 + load_be32(p->frames + at)) {
        const uint8_t *e = p->frames + at;
        struct fde f = {.cie = load_be32(e + 4), .code = e + 24, .len = load_be32(e) - 20};
        if (f.cie == UINT32_MAX)
            continue;
        f.start = load_be64(e + 8);
        f.end = f.start + load_be64(e + 16);
        if (addr >= f.start && addr < f.end)
            return f;
    }
    fail_msg("no frame information for 0x%llx", (unsigned long long)addr);
    return (struct fde){.len = 0};
}

static bool rule_has(const struct parsed *p, const struct fde *f, const uint8_t *bytes, size_t n)
{
    const uint8_t *cie = p->frames + f->cie;
    return memmem(cie, 4 + load_be32(cie), bytes, n) != NULL;
}

static const uint8_t return_in_r14[] = {0x09, 65, 14};
static const uint8_t back_chain[] = {0x7f, 0x98, 0x01, 0x06}; /* what is at 152(%r15) */
static const uint8_t return_undefined[] = {0x07, 65};

static struct linux_rig *boot(void)
{
    struct linux_rig *r = lrig_open(RIG_LOW);
    lrig_put(r, CODE(0x200), prologue, sizeof prologue);
    lrig_put(r, CODE(0x300), leaf_frame, sizeof leaf_frame);
    lrig_put(r, CODE(0x340), frameless, sizeof frameless);
    lrig_put(r, CODE(0x380), calls, sizeof calls);
    lrig_symbol(r, "usual", 'T', CODE(0x200));
    lrig_symbol(r, "usual_alias", 'T', CODE(0x200));
    lrig_symbol(r, "leaf", 't', CODE(0x300));
    lrig_symbol(r, "frameless", 't', CODE(0x340));
    lrig_symbol(r, "assembler", 't', CODE(0x380));
    lrig_symbol(r, "usual.cold", 't', CODE(0x3c0));
    lrig_symbol(r, "system_call", 'T', CODE(0x400));
    lrig_symbol(r, "pgm_check_handler", 'T', CODE(0x440));
    lrig_symbol(r, "some_data", 'D', CODE(0x1800));
    lrig_boot(r);
    return r;
}

static void symbols_and_sections(void **state)
{
    struct linux_rig *r = boot();
    struct parsed p;
    GElf_Ehdr header;
    GElf_Shdr text, data;
    GElf_Sym s;

    (void)state;
    parse(&p, r);
    assert_non_null(gelf_getehdr(p.elf, &header));
    assert_int_equal(header.e_machine, EM_S390);
    assert_int_equal(header.e_ident[EI_DATA], ELFDATA2MSB);
    section(&p, ".text", &text);
    section(&p, ".data", &data);
    assert_int_equal(text.sh_addr, RIG_KERNEL);
    assert_true(text.sh_addr + text.sh_size <= data.sh_addr);
    assert_true(symbol(&p, "leaf", &s) < symbol(&p, "panic", &s));
    symbol(&p, "usual", &s);
    assert_int_equal(s.st_value, CODE(0x200));
    assert_int_equal(s.st_size, 0x100);
    assert_int_equal(GELF_ST_TYPE(s.st_info), STT_FUNC);
    assert_int_equal(s.st_shndx, 1);
    symbol(&p, "usual_alias", &s);
    assert_int_equal(s.st_value, CODE(0x200));
    assert_int_equal(s.st_size, 0);
    symbol(&p, "some_data", &s);
    assert_int_equal(GELF_ST_TYPE(s.st_info), STT_OBJECT);
    assert_int_equal(s.st_shndx, 2);
    done(&p);
    lrig_close(r);
}

static void prologues(void **state)
{
    static const uint8_t rows[] = {0x03, 0, 12, 0x05, 65, 3, 0x8e, 3, 0x03, 0, 10, 0x0e, 0xd0, 0x01};
    struct linux_rig *r = boot();
    struct parsed p;
    struct fde f;

    (void)state;
    parse(&p, r);
    f = fde_at(&p, CODE(0x200));
    assert_int_equal(f.end, CODE(0x200) + sizeof prologue);
    assert_true(rule_has(&p, &f, return_in_r14, sizeof return_in_r14));
    assert_true(f.len >= sizeof rows);
    assert_memory_equal(f.code, rows, sizeof rows);
    f = fde_at(&p, f.end);
    assert_int_equal(f.end, CODE(0x300));
    assert_true(rule_has(&p, &f, back_chain, sizeof back_chain));
    assert_false(rule_has(&p, &f, return_in_r14, sizeof return_in_r14));
    f = fde_at(&p, CODE(0x30a));
    assert_true(rule_has(&p, &f, back_chain, sizeof back_chain));
    assert_true(rule_has(&p, &f, return_in_r14, sizeof return_in_r14));
    f = fde_at(&p, CODE(0x340));
    assert_int_equal(f.end, CODE(0x380));
    assert_false(rule_has(&p, &f, back_chain, sizeof back_chain));
    done(&p);
    lrig_close(r);
}

static void code_without_prologue(void **state)
{
    struct linux_rig *r = boot();
    struct parsed p;
    struct fde f;

    (void)state;
    parse(&p, r);
    f = fde_at(&p, CODE(0x380));
    assert_int_equal(f.end, CODE(0x384)); /* up to its call */
    f = fde_at(&p, CODE(0x384));
    assert_true(rule_has(&p, &f, back_chain, sizeof back_chain));
    f = fde_at(&p, CODE(0x3c0));
    assert_true(rule_has(&p, &f, back_chain, sizeof back_chain));
    f = fde_at(&p, CODE(0x400));
    assert_true(rule_has(&p, &f, return_undefined, sizeof return_undefined));
    f = fde_at(&p, CODE(0x440));
    assert_false(rule_has(&p, &f, back_chain, sizeof back_chain));
    assert_false(rule_has(&p, &f, return_in_r14, sizeof return_in_r14));
    done(&p);
    lrig_close(r);
}

static void no_symbols(void **state)
{
    struct linux_rig *r = lrig_open(RIG_LOW);
    struct err e = {.text = ""};
    size_t size;

    (void)state;
    assert_null(linux_symbol_file(r->g, NULL, &size, &e));
    assert_string_not_equal(e.text, "");
    lrig_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_and_sections),
        cmocka_unit_test(prologues),
        cmocka_unit_test(code_without_prologue),
        cmocka_unit_test(no_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
