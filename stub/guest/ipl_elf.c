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
    uint64_t table = (uint64_t)h->e_phnum * h->e_phentsize;

    if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
        return err_set(e, EXIT_IMAGE, "%s is an ELF of type %u, not an executable; link it first", f->path,
                       h->e_type);
    if (!h->e_phnum)
        return err_set(e, EXIT_IMAGE, "%s has no program headers from which it could be loaded", f->path);
    if (h->e_phnum == PN_XNUM)
        return err_set(e, EXIT_IMAGE, "%s has more program headers than can be read (%u)", f->path,
                       PN_XNUM - 1);
    if (h->e_phentsize < sizeof(Elf64_Phdr))
        return err_set(e, EXIT_IMAGE, "%s is damaged: its program headers have %u bytes each, not %zu",
                       f->path, h->e_phentsize, sizeof(Elf64_Phdr));
    if (table > f->size || h->e_phoff > f->size - table)
        return err_set(e, EXIT_IMAGE,
                       "%s is truncated: its %u program headers, at offset 0x%" PRIx64
                       ", go beyond the end of the file",
                       f->path, h->e_phnum, h->e_phoff);
    return 0;
}

static int check_segment(const struct ipl_file *f, const Elf64_Phdr *p, struct err *e)
{
    if (p->p_filesz > f->size || p->p_offset > f->size - p->p_filesz)
        return err_set(e, EXIT_IMAGE,
                       "%s is truncated: its segment at 0x%" PRIx64 " lies beyond the end of the file",
                       f->path, p->p_paddr);
    if (p->p_filesz > p->p_memsz)
        return err_set(e, EXIT_IMAGE,
                       "%s is damaged: its segment at 0x%" PRIx64 " is larger in the file than in memory",
                       f->path, p->p_paddr);
    return 0;
}

static int load_segment(struct ipl_job *job, const struct ipl_file *f, const Elf64_Phdr *p, struct err *e)
{
    const struct ipl_claim claim = {"a segment of", f->path,    p->p_paddr,
                                    p->p_memsz,     EXIT_IMAGE, "link the program again"};
    uint8_t *to;

    if (check_segment(f, p, e))
        return -1;
    if (!p->p_memsz)
        return 0;
    if (job->nareas == IPL_MAX_SEGMENTS)
        return err_set(e, EXIT_IMAGE, "%s has more than %d segments to load", f->path, IPL_MAX_SEGMENTS);
    if (ipl_claim(job, &claim, e))
        return -1;
    to = job->mem->base + p->p_paddr;
    if (!job->req->cleared)
        memset(to + p->p_filesz, 0, p->p_memsz - p->p_filesz);
    if (!p->p_filesz)
        return 0;
    ipl_add_range(job->out, p->p_paddr, p->p_paddr + p->p_filesz);
    return ipl_read(f, p->p_offset, to, p->p_filesz, e);
}

static int check_entry(const struct ipl_file *f, uint64_t entry, const struct ipl_result *out, struct err *e)
{
    for (unsigned i = 0; i < out->nranges; i++)
        if (entry >= out->ranges[i].start && entry < out->ranges[i].end && !(entry & 1))
            return 0;
    return err_set(e, EXIT_IMAGE,
                   "%s cannot start at its entry point 0x%" PRIx64
                   ": %s; link it with an ENTRY in loaded code, or say where with --entry",
                   f->path, entry, entry & 1 ? "instruction addresses are even" : "nothing is loaded there");
}

bool ipl_is_elf(const struct ipl_file *f, struct err *e, int *rc)
{
    char magic[SELFMAG];

    *rc = 0;
    if (f->size < SELFMAG)
        return false;
    *rc = ipl_read(f, 0, magic, SELFMAG, e);
    return !*rc && !memcmp(magic, ELFMAG, SELFMAG);
}

int ipl_load_elf(struct ipl_job *job, const struct ipl_file *f, uint64_t *entry, struct err *e)
{
    Elf64_Ehdr h;
    Elf64_Phdr p;

    if (check_ident(f, e) || fetch(f, 0, ELF_T_EHDR, &h, sizeof h, e) || check_header(f, &h, e))
        return -1;
    for (unsigned i = 0; i < h.e_phnum; i++) {
        if (fetch(f, h.e_phoff + (uint64_t)i * h.e_phentsize, ELF_T_PHDR, &p, sizeof p, e))
            return -1;
        if (p.p_type == PT_LOAD && load_segment(job, f, &p, e))
            return -1;
    }
    if (!job->out->nranges)
        return err_set(e, EXIT_IMAGE, "%s has no segment to load", f->path);
    *entry = h.e_entry;
    /* What was given in its place is for the caller to check. */
    if (job->req->has_entry || job->req->has_psw)
        return 0;
    return check_entry(f, h.e_entry, job->out, e);
}
