/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that gdb takes for the guest's program. It is opened once, at start, and read by offset: a file
 * that shrinks under the daemon makes short reads and nothing worse. gdb knows nothing of compression: a
 * compressed image is unpacked for it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "synthetic.h"
#include "zgdbd/bytes.h"
#include "zgdbd/gunzip.h"

#define SYNTHETIC_PATH "/zgdbd/guest"
#define SEGMENTS_MAX 256u
#define NAMES_MAX 8192u /* of sections: a vmlinux has 2 KiB */
#define SECTIONS_MAX 1024u
#define SECTION_BYTES sizeof(Elf64_Shdr)

struct exec_file {
    int fd; /* -1: it is in memory: */
    uint8_t *synthetic;
    uint64_t size;
    char path[PATH_MAX];
    struct exec_file *library;
};

static struct exec_file *new_file(struct err *e)
{
    struct exec_file *f = calloc(1, sizeof *f);
    if (!f) {
        err_set(e, EXIT_OTHER, "no memory for the program file");
        return NULL;
    }
    f->fd = -1;
    return f;
}

static int make_synthetic(struct exec_file *f, struct err *e)
{
    size_t size;
    f->fd = -1;
    f->synthetic = synthetic_program(&size);
    if (!f->synthetic)
        return err_set(e, EXIT_OTHER, "no memory for the program file");
    f->size = size;
    strcpy(f->path, SYNTHETIC_PATH);
    return 0;
}

/* An ELF of another architecture (as symbols, or as a flat binary) would make gdb misread everything. */
static bool is_for_s390x(int fd)
{
    uint8_t head[offsetof(Elf64_Ehdr, e_machine) + 2];

    return pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && memcmp(head, ELFMAG, SELFMAG) == 0 &&
           head[EI_CLASS] == ELFCLASS64 && head[EI_DATA] == ELFDATA2MSB &&
           load_be16(head + offsetof(Elf64_Ehdr, e_machine)) == EM_S390;
}

/* O_NONBLOCK so that a FIFO in place of the file cannot hold up the start. */
static int open_file(struct exec_file *f, const char *path, struct err *e)
{
    struct stat st;
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (f->fd < 0 || fstat(f->fd, &st) || !realpath(path, f->path))
        return err_set(e, EXIT_IMAGE, "cannot open %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, EXIT_IMAGE, "%s is not a regular file", path);
    f->size = (uint64_t)st.st_size;
    return 0;
}

/* A compressed image is looked into first: only an ELF is worth the memory that it takes. */
static int unpack(struct exec_file *f, const char *image, uint64_t memory, struct err *e)
{
    char magic[SELFMAG];
    off_t size;
    int fd;

    if (!gunzip_is_gzip(f->fd) || gunzip_peek(f->fd, magic, sizeof magic) != sizeof magic ||
        memcmp(magic, ELFMAG, SELFMAG) != 0)
        return 0;
    fd = gunzip(f->fd, image, memory + GUNZIP_BEYOND_MEMORY, e);
    if (fd < 0)
        return -1;
    close(f->fd);
    f->fd = fd;
    size = lseek(fd, 0, SEEK_END);
    f->size = size > 0 ? (uint64_t)size : 0;
    return 0;
}

/* The file that gdb takes for the program: the only one, or beside it the library. */
static int open_program(struct exec_file *f, const char *path, bool is_symbols, uint64_t memory,
                        struct err *e)
{
    if (open_file(f, path, e))
        return -1;
    if (is_symbols && !is_for_s390x(f->fd))
        return err_set(
            e, EXIT_IMAGE,
            "--symbols %s is no ELF file for s390x (64-bit); name the guest's vmlinux or program with "
            "symbols",
            path);
    if (!is_symbols && unpack(f, path, memory, e))
        return -1;
    if (is_for_s390x(f->fd))
        return 0;
    close(f->fd);
    return make_synthetic(f, e);
}

static bool read_at(const struct exec_file *f, void *buf, size_t len, uint64_t offset)
{
    return exec_file_pread(f, buf, len, offset) == (long)len;
}

/* The header of the section of this name. */
static bool find_section(const struct exec_file *f, const char *name, uint8_t *section)
{
    uint8_t head[sizeof(Elf64_Ehdr)];
    char names[NAMES_MAX + 1];
    if (!read_at(f, head, sizeof head, 0))
        return false;
    uint64_t at = load_be64(head + offsetof(Elf64_Ehdr, e_shoff));
    unsigned n = load_be16(head + offsetof(Elf64_Ehdr, e_shnum));
    uint64_t names_header = at + (uint64_t)load_be16(head + offsetof(Elf64_Ehdr, e_shstrndx)) * SECTION_BYTES;
    if (!read_at(f, section, SECTION_BYTES, names_header))
        return false;
    uint64_t size = load_be64(section + offsetof(Elf64_Shdr, sh_size));
    size = size < NAMES_MAX ? size : NAMES_MAX;
    if (!read_at(f, names, size, load_be64(section + offsetof(Elf64_Shdr, sh_offset))))
        return false;
    names[size] = 0;
    for (unsigned i = 0; i < n && i < SECTIONS_MAX; i++, at += SECTION_BYTES) {
        if (!read_at(f, section, SECTION_BYTES, at))
            return false;
        uint32_t where = load_be32(section + offsetof(Elf64_Shdr, sh_name));
        if (where < size && strcmp(names + where, name) == 0)
            return true;
    }
    return false;
}

/* vmlinux has a section for the symbols that modules may use. */
static bool is_linux_kernel(const struct exec_file *f)
{
    uint8_t section[SECTION_BYTES];
    return find_section(f, "__ksymtab", section);
}

uint64_t exec_file_dynamic(const struct exec_file *f)
{
    uint8_t section[SECTION_BYTES];
    return find_section(f, ".dynamic", section) ? load_be64(section + offsetof(Elf64_Shdr, sh_addr)) : 0;
}

struct exec_file *exec_file_open(const char *image, const char *symbols, bool relocates, uint64_t memory,
                                 struct err *e)
{
    struct exec_file *f = new_file(e), *outer;
    if (!f)
        return NULL;
    if (!symbols && !image) {
        if (make_synthetic(f, e) == 0)
            return f;
        goto fail;
    }
    if (open_program(f, symbols ? symbols : image, symbols, memory, e))
        goto fail;
    if (!symbols || !relocates || !is_linux_kernel(f))
        return f;
    outer = new_file(e);
    if (!outer)
        goto fail;
    outer->library = f;
    f = outer;
    if (make_synthetic(f, e) == 0)
        return f;
fail:
    exec_file_close(f);
    return NULL;
}

void exec_file_close(struct exec_file *f)
{
    if (f->library)
        exec_file_close(f->library);
    if (f->fd >= 0)
        close(f->fd);
    free(f->synthetic);
    free(f);
}

const struct exec_file *exec_file_library(const struct exec_file *f)
{
    return f->library;
}

bool exec_file_is_synthetic(const struct exec_file *f)
{
    return f->synthetic != NULL;
}

int exec_file_extent(const struct exec_file *f, uint64_t *start, uint64_t *end)
{
    uint8_t head[sizeof(Elf64_Ehdr)], segment[sizeof(Elf64_Phdr)];
    bool found = false;
    if (!read_at(f, head, sizeof head, 0))
        return -1;
    uint64_t at = load_be64(head + offsetof(Elf64_Ehdr, e_phoff));
    unsigned n = load_be16(head + offsetof(Elf64_Ehdr, e_phnum));
    unsigned step = load_be16(head + offsetof(Elf64_Ehdr, e_phentsize));
    for (unsigned i = 0; i < n && i < SEGMENTS_MAX; i++, at += step) {
        if (!read_at(f, segment, sizeof segment, at))
            return -1;
        if (load_be32(segment + offsetof(Elf64_Phdr, p_type)) != PT_LOAD)
            continue;
        uint64_t first = load_be64(segment + offsetof(Elf64_Phdr, p_vaddr));
        uint64_t behind = first + load_be64(segment + offsetof(Elf64_Phdr, p_memsz));
        if (!found)
            *start = *end = first;
        if (behind > *end)
            *end = behind;
        found = true;
    }
    return found ? 0 : -1;
}

const char *exec_file_path(const struct exec_file *f)
{
    return f->path;
}

uint64_t exec_file_size(const struct exec_file *f)
{
    return f->size;
}

long exec_file_pread(const struct exec_file *f, void *buf, size_t len, uint64_t offset)
{
    if (offset >= f->size)
        return 0;
    if (f->fd >= 0)
        return pread(f->fd, buf, len, (off_t)offset);
    if (len > f->size - offset)
        len = f->size - offset;
    memcpy(buf, f->synthetic + offset, len);
    return (long)len;
}
