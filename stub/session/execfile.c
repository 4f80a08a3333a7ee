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
#include "zgdbd/bytes.h"
#include "zgdbd/gunzip.h"

#define SYNTHETIC_PATH "/zgdbd/guest"

struct exec_file {
    int fd; /* -1: the synthetic file */
    uint64_t size;
    char path[PATH_MAX];
    uint8_t synthetic[SYNTHETIC_ELF_SIZE];
};

static void make_synthetic(struct exec_file *f)
{
    synthetic_elf(f->synthetic);
    f->fd = -1;
    f->size = sizeof f->synthetic;
    strcpy(f->path, SYNTHETIC_PATH);
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

struct exec_file *exec_file_open(const char *image, const char *symbols, uint64_t memory, struct err *e)
{
    struct exec_file *f = calloc(1, sizeof *f);
    if (!f) {
        err_set(e, EXIT_OTHER, "no memory for the program file");
        return NULL;
    }
    f->fd = -1;
    if (!image && !symbols) {
        make_synthetic(f);
        return f;
    }
    if (open_file(f, symbols ? symbols : image, e))
        goto fail;
    if (symbols && !is_for_s390x(f->fd)) {
        err_set(e, EXIT_IMAGE,
                "--symbols %s is no ELF file for s390x (64-bit); name the guest's vmlinux or program with "
                "symbols",
                symbols);
        goto fail;
    }
    if (!symbols && unpack(f, image, memory, e))
        goto fail;
    if (is_for_s390x(f->fd))
        return f;
    close(f->fd);
    make_synthetic(f);
    return f;
fail:
    exec_file_close(f);
    return NULL;
}

void exec_file_close(struct exec_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f);
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
