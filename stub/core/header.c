/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of dump a file is, and whether it is whole: all numbers in its headers on which reading it relies
 * are checked here, since libkdumpfile trusts some of them. Also found here is what that does not hand out:
 * ELF notes, and the lowcores of a stand-alone dump. Formats: ELF; makedumpfile's diskdump_mod.h;
 * s390-tools' zipl/include/dump/s390_dump.h. */
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define NOTES_MAX 0x1000000u    /* bytes; a CPU has about 2 KiB */
#define MEMORY_MAX (1ULL << 56) /* that a machine can have */
#define SEGMENTS_MAX 0x100000u

struct file {
    int fd;
    const char *path;
    uint64_t size;
};

static int damaged(const struct file *f, const char *what, struct err *e)
{
    return err_set(e, EXIT_IMAGE, "%s cannot be read as a dump: %s", f->path, what);
}

static bool read_at(const struct file *f, void *buf, size_t len, uint64_t at)
{
    return at <= f->size && len <= f->size - at && pread(f->fd, buf, len, (off_t)at) == (ssize_t)len;
}

static bool lies_in(const struct file *f, uint64_t at, uint64_t len)
{
    return at <= f->size && len <= f->size - at;
}

/* Appends what the file has there to the notes. */
static int append_notes(const struct file *f, uint64_t at, uint64_t len, struct dump_header *h, struct err *e)
{
    size_t padded = ((size_t)len + 3) & ~(size_t)3;
    uint8_t *notes;

    if (len > NOTES_MAX || h->notes_len > NOTES_MAX)
        return damaged(f, "its notes are larger than those of any dump", e);
    if (!lies_in(f, at, len))
        return damaged(f, "it is cut: its notes lie behind the end of the file", e);
    if (!len)
        return 0;
    notes = realloc(h->notes, h->notes_len + padded);
    if (!notes)
        return err_set(e, EXIT_OTHER, "no memory for the notes of %s", f->path);
    h->notes = notes;
    memset(notes + h->notes_len, 0, padded);
    errno = 0;
    if (!read_at(f, notes + h->notes_len, (size_t)len, at))
        return err_set(e, EXIT_IMAGE, "cannot read the notes of %s: %s", f->path,
                       errno ? strerror(errno) : "it has become shorter meanwhile");
    h->notes_len += padded;
    return 0;
}

/* ---- ELF ---- */

static int take_load(const struct file *f, const GElf_Phdr *p, struct dump_header *h, struct err *e)
{
    if (p->p_filesz > p->p_memsz || p->p_paddr > MEMORY_MAX || p->p_memsz > MEMORY_MAX - p->p_paddr)
        return damaged(f, "a segment has an impossible place or size", e);
    if (!lies_in(f, p->p_offset, p->p_filesz))
        return err_set(e, EXIT_IMAGE,
                       "%s is cut: it has %llu bytes, and a segment reaches up to %llu; copy it again",
                       f->path, (unsigned long long)f->size, (unsigned long long)(p->p_offset + p->p_filesz));
    if (p->p_paddr + p->p_memsz > h->memory)
        h->memory = p->p_paddr + p->p_memsz;
    if (p->p_memsz)
        h->segments[h->nsegments++] = (struct dump_segment){p->p_paddr, p->p_memsz, p->p_offset, p->p_filesz};
    return 0;
}

static int by_address(const void *a, const void *b)
{
    uint64_t first = ((const struct dump_segment *)a)->absolute;
    uint64_t second = ((const struct dump_segment *)b)->absolute;

    return first < second ? -1 : first > second;
}

static int check_segments(const struct file *f, Elf *elf, struct dump_header *h, struct err *e)
{
    GElf_Phdr p;
    size_t n;

    if (elf_getphdrnum(elf, &n) || n == 0 || n > SEGMENTS_MAX)
        return damaged(f, "it has no program headers, or they lie behind its end", e);
    h->segments = calloc(n, sizeof *h->segments);
    if (!h->segments)
        return err_set(e, EXIT_OTHER, "no memory for the program headers of %s", f->path);
    for (size_t i = 0; i < n; i++) {
        if (!gelf_getphdr(elf, (int)i, &p))
            return damaged(f, "it is cut: a program header lies behind its end", e);
        if (p.p_type == PT_LOAD && take_load(f, &p, h, e))
            return -1;
        if (p.p_type == PT_NOTE && append_notes(f, p.p_offset, p.p_filesz, h, e))
            return -1;
    }
    qsort(h->segments, h->nsegments, sizeof *h->segments, by_address);
    return h->nsegments ? 0 : damaged(f, "it has no memory in it (no PT_LOAD segment)", e);
}

static int check_elf(const struct file *f, Elf *elf, struct dump_header *h, struct err *e)
{
    GElf_Ehdr ehdr;

    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr))
        return damaged(f, "its ELF header is damaged", e);
    if (ehdr.e_machine != EM_S390 || ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
        ehdr.e_ident[EI_DATA] != ELFDATA2MSB)
        return err_set(e, EXIT_IMAGE, "%s is an ELF file of another architecture (machine %u), not of s390x",
                       f->path, ehdr.e_machine);
    if (ehdr.e_type != ET_CORE)
        return err_set(e, EXIT_IMAGE,
                       "%s is an ELF file, but no dump; a program is started without --core, and one with "
                       "symbols goes behind --symbols",
                       f->path);
    if (ehdr.e_version != EV_CURRENT || ehdr.e_phentsize != sizeof(Elf64_Phdr))
        return damaged(f, "its ELF header is damaged", e);
    return check_segments(f, elf, h, e);
}

/* libelf reads with pread(2): a file that shrinks meanwhile is no harm. */
static int read_elf(const struct file *f, struct dump_header *h, struct err *e)
{
    Elf *elf;
    int rc;

    elf_version(EV_CURRENT);
    elf = elf_begin(f->fd, ELF_C_READ, NULL);
    rc = check_elf(f, elf, h, e);
    elf_end(elf);
    return rc;
}

/* ---- compressed by makedumpfile ---- */

/* Offsets of the header that a 64-bit kernel's dump has, and of the sub-header in the next block. */
enum {
    KDUMP_VERSION = 8,
    KDUMP_MACHINE = 272, /* of struct utsname */
    KDUMP_MICROSECONDS = 416,
    KDUMP_BLOCK_SIZE = 428,
    KDUMP_SUB_BLOCKS = 432,
    KDUMP_BITMAP_BLOCKS = 436,
    KDUMP_MAX_PAGES = 440,
    KDUMP_HEADER = 464,
    SUB_SPLIT = 12,
    SUB_VMCOREINFO = 32, /* offset, size */
    SUB_NOTES = 48,
    SUB_MAX_PAGES = 96,
    SUB_HEADER = 104,
};

static int check_kdump_size(const struct file *f, const uint8_t *header, uint64_t pages,
                            struct dump_header *h, struct err *e)
{
    uint64_t sub = load_be32(header + KDUMP_SUB_BLOCKS);
    uint64_t bitmap = load_be32(header + KDUMP_BITMAP_BLOCKS);

    if (sub > NOTES_MAX / PAGE_BYTES || bitmap > INT32_MAX / PAGE_BYTES || pages > bitmap * PAGE_BYTES * 8)
        return damaged(f, "the sizes in its header are impossible", e);
    if (!lies_in(f, 0, (1 + sub + bitmap) * PAGE_BYTES))
        return damaged(f, "it is cut: its page bitmap lies behind the end of the file", e);
    h->memory = pages * PAGE_BYTES;
    h->bitmap = (1 + sub) * PAGE_BYTES;
    h->bitmap_len = bitmap * PAGE_BYTES;
    h->descriptors = h->bitmap + h->bitmap_len;
    if (pages <= h->bitmap_len * 4) { /* there are two, and the second one tells what is in the file */
        h->bitmap_len = bitmap / 2 * PAGE_BYTES;
        h->bitmap += h->bitmap_len;
    }
    return 0;
}

static int read_kdump(const struct file *f, struct dump_header *h, struct err *e)
{
    uint8_t header[KDUMP_HEADER], sub[SUB_HEADER];
    uint32_t version;

    if (!read_at(f, header, sizeof header, 0) || !read_at(f, sub, sizeof sub, PAGE_BYTES))
        return damaged(f, "it is cut: its headers are not all there", e);
    if (strncasecmp((char *)header + KDUMP_MACHINE, "s390x", sizeof "s390x") != 0 || /* QEMU: "S390X" */
        load_be32(header + KDUMP_BLOCK_SIZE) != PAGE_BYTES)
        return damaged(f, "it is a compressed dump, but not of an s390x system", e);
    version = load_be32(header + KDUMP_VERSION);
    if (version < 1 || version > 16 || load_be64(header + KDUMP_MICROSECONDS) >= 1000000)
        return damaged(f, "its header is damaged", e);
    if (version >= 2 && load_be32(sub + SUB_SPLIT))
        return damaged(
            f, "it is one part of a split dump; put the parts together with makedumpfile --reassemble", e);
    if (check_kdump_size(f, header,
                         version >= 6 ? load_be64(sub + SUB_MAX_PAGES) : load_be32(header + KDUMP_MAX_PAGES),
                         h, e))
        return -1;
    if (version == 3 && (load_be64(sub + SUB_VMCOREINFO + 8) > NOTES_MAX ||
                         !lies_in(f, load_be64(sub + SUB_VMCOREINFO), load_be64(sub + SUB_VMCOREINFO + 8))))
        return damaged(f, "it is cut: its VMCOREINFO lies behind the end of the file", e);
    return version >= 4 ? append_notes(f, load_be64(sub + SUB_NOTES), load_be64(sub + SUB_NOTES + 8), h, e)
                        : 0;
}

/* ---- stand-alone ---- */

#define STANDALONE_MAGIC 0xa8190173618f23fdULL
#define STANDALONE_EXTENDED_MAGIC 0xa8190173618f23feULL

enum {
    STANDALONE_VERSION = 8,
    STANDALONE_HEADER_SIZE = 12,
    STANDALONE_PAGE_SIZE = 20,
    STANDALONE_MEMORY = 24,
    STANDALONE_PAGES = 48,
    STANDALONE_ARCH = 72, /* 2: z/Architecture */
    STANDALONE_VOLUMES = 92,
    STANDALONE_CPUS = 93, /* not aligned */
    STANDALONE_LOWCORES = 0x800,
    STANDALONE_LOWCORES_MAX = 512,
    STANDALONE_HEADER = STANDALONE_LOWCORES + 4 * STANDALONE_LOWCORES_MAX,
    STANDALONE_END = 16, /* bytes of the marker behind memory */
};

static void take_lowcores(const uint8_t *header, struct dump_header *h)
{
    unsigned n = load_be16(header + STANDALONE_CPUS);

    if (load_be32(header + STANDALONE_VERSION) < 5)
        n = 0; /* the header ends before them */
    if (n > STANDALONE_LOWCORES_MAX)
        n = STANDALONE_LOWCORES_MAX;
    h->nlowcores = n < MACHINE_MAX_CPUS ? n : MACHINE_MAX_CPUS;
    h->left_out = n - h->nlowcores;
    for (unsigned i = 0; i < h->nlowcores; i++)
        h->lowcores[i] = load_be32(header + STANDALONE_LOWCORES + (size_t)4 * i);
}

static int read_standalone(const struct file *f, struct dump_header *h, struct err *e)
{
    uint8_t header[STANDALONE_HEADER];
    uint64_t header_size, memory, pages;

    if (!read_at(f, header, sizeof header, 0))
        return damaged(f, "it is cut: its header is not all there", e);
    header_size = load_be32(header + STANDALONE_HEADER_SIZE);
    memory = load_be64(header + STANDALONE_MEMORY);
    pages = load_be32(header + STANDALONE_PAGES);
    if (load_be32(header + STANDALONE_ARCH) != 2 || load_be32(header + STANDALONE_PAGE_SIZE) != PAGE_BYTES)
        return damaged(f, "it is a stand-alone dump, but not of a z/Architecture system", e);
    if (header[STANDALONE_VOLUMES])
        return damaged(f, "it is one part of a dump on several volumes; put them together with zgetdump", e);
    if (memory > MEMORY_MAX || pages > memory / PAGE_BYTES)
        return damaged(f, "the sizes in its header are impossible", e);
    if (!lies_in(f, 0, header_size + memory + STANDALONE_END))
        return err_set(e, EXIT_IMAGE, "%s is cut: it has %llu bytes of %llu; copy it again", f->path,
                       (unsigned long long)f->size,
                       (unsigned long long)(header_size + memory + STANDALONE_END));
    h->memory = pages * PAGE_BYTES;
    take_lowcores(header, h);
    return 0;
}

/* ---- which ---- */

static int read_format(const struct file *f, struct dump_header *h, struct err *e)
{
    uint8_t magic[8] = {0};

    if (!read_at(f, magic, sizeof magic, 0))
        return damaged(f, "it is too short", e);
    if (memcmp(magic, ELFMAG, SELFMAG) == 0) {
        h->format = DUMP_ELF;
        return read_elf(f, h, e);
    }
    if (memcmp(magic, "KDUMP   ", 8) == 0 || memcmp(magic, "DISKDUMP", 8) == 0) {
        h->format = DUMP_KDUMP;
        return read_kdump(f, h, e);
    }
    if (load_be64(magic) == STANDALONE_MAGIC) {
        h->format = DUMP_STANDALONE;
        return read_standalone(f, h, e);
    }
    if (load_be64(magic) == STANDALONE_EXTENDED_MAGIC)
        return damaged(f, "it is an extended stand-alone dump; turn it into ELF with zgetdump -f elf", e);
    if (memcmp(magic, "makedump", 8) == 0)
        return damaged(f, "it is in the flattened format; makedumpfile -R writes one that can be read", e);
    return damaged(f, "it is no ELF vmcore, no dump compressed by makedumpfile and no s390 stand-alone dump",
                   e);
}

int header_read(int fd, const char *path, struct dump_header *out, struct err *e)
{
    struct file f = {.fd = fd, .path = path};
    struct stat st;

    *out = (struct dump_header){.format = DUMP_ELF};
    if (fstat(fd, &st))
        return err_set(e, EXIT_IMAGE, "cannot read %s: %s", path, strerror(errno));
    f.size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    if (read_format(&f, out, e) == 0)
        return 0;
    header_free(out);
    return -1;
}

void header_free(struct dump_header *h)
{
    free(h->segments);
    free(h->notes);
    *h = (struct dump_header){.format = DUMP_ELF};
}
