/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens a dump: the file, its header, its memory, and the registers of its CPUs from wherever they are. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* O_NONBLOCK so that a FIFO in place of the file cannot hold up the start. */
static int open_file(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st)) {
        err_set(e, EXIT_IMAGE, "cannot open %s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        err_set(e, EXIT_IMAGE, "%s is not a regular file", path);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static void close_parts(const struct core_parts *parts)
{
    free(parts->cpus);
    if (parts->memory)
        core_memory_close(parts->memory);
    if (parts->fd >= 0)
        close(parts->fd);
}

/* The notes' CPUs, the header's, or one of which nothing is known. */
static int make_cpus(struct core_parts *parts, const struct dump_header *h, struct err *e)
{
    unsigned n = h->nlowcores ? h->nlowcores : notes_count(h->notes, h->notes_len);

    parts->left_out = h->left_out;
    if (n > MACHINE_MAX_CPUS) {
        parts->left_out = n - MACHINE_MAX_CPUS;
        n = MACHINE_MAX_CPUS;
    }
    parts->ncpus = n ? n : 1;
    parts->cpus = calloc(parts->ncpus, sizeof *parts->cpus);
    if (!parts->cpus)
        return err_set(e, EXIT_OTHER, "no memory for the registers of %u CPUs", parts->ncpus);
    if (!h->nlowcores) {
        notes_read(h->notes, h->notes_len, parts->cpus, n);
        notes_sort(parts->cpus, n);
    }
    return 0;
}

/* What is still unknown comes from save areas. A CPU without a prefix has its own only if it is the only one:
 * the operator's store-status operation puts it at absolute 0x1200. */
static void read_save_areas(const struct core_parts *parts, const struct dump_header *h)
{
    for (unsigned i = 0; i < parts->ncpus; i++) {
        struct core_cpu *cpu = &parts->cpus[i];

        if (h->nlowcores)
            savearea_read(cpu, h->lowcores[i], parts->read, parts->reader);
        else if (cpu->origin[REG_PREFIX] != REG_UNKNOWN || parts->ncpus == 1)
            savearea_read(cpu, core_reg(cpu, REG_PREFIX), parts->read, parts->reader);
    }
}

static int fill_parts(struct core_parts *parts, struct dump_header *h, const char *path, struct err *e)
{
    parts->memory = core_memory_open(parts->fd, path, h, &parts->size, e);
    if (!parts->memory || make_cpus(parts, h, e))
        return -1;
    parts->read = core_memory_read;
    parts->reader = parts->memory;
    read_save_areas(parts, h);
    return 0;
}

struct machine *core_open(const char *path, struct err *e)
{
    struct core_parts parts = {.fd = open_file(path, e)};
    struct dump_header h;
    int rc;

    if (parts.fd < 0)
        return NULL;
    rc = header_read(parts.fd, path, &h, e);
    if (rc == 0) {
        rc = fill_parts(&parts, &h, path, e);
        header_free(&h);
    }
    if (rc == 0)
        return core_create(&parts, close_parts, e);
    close_parts(&parts);
    return NULL;
}
