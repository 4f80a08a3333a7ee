/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads an s390x ELF executable. Headers are fetched one at a time into variables of their own and converted
 * by libelf; nothing is allocated or mapped by what they say, so that no header, however false, costs more
 * than its refusal. */
#include "ipl.h"

#include <inttypes.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>

static const char *machine_name(unsigned machine, char *buf, size_t size)
{
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {
        {EM_386, "i386"},      {EM_X86_64, "x86-64"}, {EM_ARM, "32-bit Arm"}, {EM_AARCH64, "AArch64"},
        {EM_PPC, "PowerPC"},   {EM_PPC64, "ppc64"},   {EM_RISCV, "RISC-V"},   {EM_MIPS, "MIPS"},
        {EM_SPARCV9, "SPARC"}, {EM_S390, "s390"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].machine == machine)
            return names[i].name;
    snprintf(buf, size, "machine %u", machine);
    return buf;
}

/* Fetches one ELF structure from the file and converts it to the host's byte order. */
static int fetch(const struct ipl_file *f, uint64_t offset, Elf_Type type, void *dst, size_t size,
                 struct err *e)
{
    uint8_t raw[sizeof(Elf64_Ehdr)]; /* the largest of them */
    Elf_Data from = {.d_buf = raw, .d_type = type, .d_size = size, .d_version = EV_CURRENT};
    Elf_Data to = {.d_buf = dst, .d_type = type, .d_size = size, .d_version = EV_CURRENT};

    if (size > f->size || offset > f->size - size)
        return err_set(e, EXIT_IMAGE, "%s is truncated: it ends within its ELF headers", f->path);
    if (ipl_read(f, offset, raw, size, e))
        return -1;
    if (elf_version(EV_CURRENT) == EV_NONE || !elf64_xlatetom(&to, &from, ELFDATA2MSB))
        return err_set(e, EXIT_OTHER, "cannot convert the headers of %s: %s", f->path, elf_errmsg(-1));
    return 0;
}

/* Says for what an ELF is that is not for s390x. The machine field lies at the same place in all classes. */
static int check_ident(const struct ipl_file *f, struct err *e)
{
    uint8_t head[EI_NIDENT + 4];
    const char *class_text;
    const char *order_text;
    char buf[24];
    unsigned machine;

    if (f->size < sizeof head)
        return err_set(e, EXIT_IMAGE, "%s is truncated: it ends within its ELF headers", f->path);
    if (ipl_read(f, 0, head, sizeof head, e))
        return -1;
    if (head[EI_DATA] == ELFDATA2LSB)
        machine = head[EI_NIDENT + 2] | (unsigned)head[EI_NIDENT + 3] << 8;
    else
        machine = head[EI_NIDENT + 3] | (unsigned)head[EI_NIDENT + 2] << 8;
    if (head[EI_CLASS] == ELFCLASS64 && head[EI_DATA] == ELFDATA2MSB && machine == EM_S390)
        return 0;
    class_text = head[EI_CLASS] == ELFCLASS64   ? "64-bit"
                 : head[EI_CLASS] == ELFCLASS32 ? "32-bit"
                                                : "invalid class";
    order_text = head[EI_DATA] == ELFDATA2MSB   ? "big-endian"
                 : head[EI_DATA] == ELFDATA2LSB ? "little-endian"
                                                : "invalid byte order";
    return err_set(e, EXIT_IMAGE, "%s is an ELF for %s (%s, %s); zgdbd runs s390x: s390, 64-bit, big-endian",
                   f->path, machine_name(machine, buf, sizeof buf), class_text, order_text);
}

static int check_header(const struct ipl_file *f, const Elf64_Ehdr *h, struct err *e)
{
    if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
        return err_set(e, EXIT_IMAGE, "%s is an ELF of type %u, not an executable; link it first", f->path,
                       h->e_type);
    if (!h->e_phnum || h->e_phentsize != sizeof(Elf64_Phdr))
        return err_set(e, EXIT_IMAGE, "%s has no program headers from which it could be loaded", f->path);
    return 0;
}

static int check_segment(const struct ipl_file *f, const Elf64_Phdr *p, const struct guest_memory *mem,
                         struct err *e)
{
    if (p->p_filesz > f->size || p->p_offset > f->size - p->p_filesz)
        return err_set(e, EXIT_IMAGE,
                       "%s is truncated: its segment at 0x%" PRIx64 " lies beyond the end of the file",
                       f->path, p->p_paddr);
    if (p->p_filesz > p->p_memsz)
        return err_set(e, EXIT_IMAGE,
                       "%s is damaged: its segment at 0x%" PRIx64 " is larger in the file than in memory",
                       f->path, p->p_paddr);
    if (p->p_paddr > UINT64_MAX - p->p_memsz)
        return err_set(e, EXIT_IMAGE,
                       "%s is damaged: its segment at 0x%" PRIx64 " goes past the highest address", f->path,
                       p->p_paddr);
    if (p->p_paddr + p->p_memsz > mem->size)
        return err_set(e, EXIT_IMAGE,
                       "%s has a segment at 0x%" PRIx64 "-0x%" PRIx64 ", outside the guest's %" PRIu64
                       " MiB of memory; give at least --memory %" PRIu64 "M",
                       f->path, p->p_paddr, p->p_paddr + p->p_memsz, mem->size >> 20,
                       ipl_mib(p->p_paddr + p->p_memsz));
    return 0;
}

static int load_segment(const struct ipl_file *f, const Elf64_Phdr *p, struct guest_memory *mem,
                        struct ipl_result *out, uint64_t *end, struct err *e)
{
    if (check_segment(f, p, mem, e))
        return -1;
    if (p->p_paddr + p->p_memsz > *end)
        *end = p->p_paddr + p->p_memsz;
    if (!p->p_filesz) /* the caller has cleared memory */
        return 0;
    if (out->nranges == IPL_MAX_RANGES)
        return err_set(e, EXIT_IMAGE, "%s has more than %d segments to load", f->path, IPL_MAX_RANGES);
    out->ranges[out->nranges++] = (struct ipl_range){p->p_paddr, p->p_paddr + p->p_filesz};
    return ipl_read(f, p->p_offset, mem->base + p->p_paddr, p->p_filesz, e);
}

static int check_entry(const struct ipl_file *f, uint64_t entry, const struct ipl_result *out, struct err *e)
{
    if (!out->nranges)
        return err_set(e, EXIT_IMAGE, "%s has no segment to load", f->path);
    for (unsigned i = 0; i < out->nranges; i++)
        if (entry >= out->ranges[i].start && entry < out->ranges[i].end && !(entry & 1))
            return 0;
    return err_set(e, EXIT_IMAGE,
                   "%s cannot start at its entry point 0x%" PRIx64
                   ": %s; link it with an ENTRY in loaded code",
                   f->path, entry, entry & 1 ? "instruction addresses are even" : "nothing is loaded there");
}

int ipl_load_elf(const struct ipl_file *f, struct guest_memory *mem, struct ipl_result *out, uint64_t *end,
                 struct err *e)
{
    Elf64_Ehdr h;
    Elf64_Phdr p;

    if (check_ident(f, e) || fetch(f, 0, ELF_T_EHDR, &h, sizeof h, e) || check_header(f, &h, e))
        return -1;
    *end = 0;
    for (unsigned i = 0; i < h.e_phnum; i++) {
        uint64_t offset;

        if (__builtin_add_overflow(h.e_phoff, i * sizeof p, &offset))
            offset = UINT64_MAX;
        if (fetch(f, offset, ELF_T_PHDR, &p, sizeof p, e))
            return -1;
        if (p.p_type == PT_LOAD && load_segment(f, &p, mem, out, end, e))
            return -1;
    }
    if (check_entry(f, h.e_entry, out, e))
        return -1;
    out->psw = (struct psw){PSW_EA | PSW_BA, h.e_entry};
    return 0;
}
