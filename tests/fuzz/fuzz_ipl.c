/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes IPL: the input's first byte chooses the options, the rest is the image file (and the initrd). Guest
 * memory is allocated to the byte. What loads must start and lie in memory; what does not must say why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zgdbd/guest.h"

#define SIZE 0x100000 /* 1 MiB, the least that a guest has; an initrd never fits */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file with these bytes, of which path is the name. The image of a Linux kernel has its first 64 KiB left
 * out of the input. */
static int make_file(const uint8_t *data, size_t size, off_t offset, char *path, size_t path_size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    if (fd < 0 || pwrite(fd, data, size, offset) != (ssize_t)size)
        abort();
    snprintf(path, path_size, "/proc/self/fd/%d", fd);
    return fd;
}

static void check(int rc, const struct ipl_result *r, const struct err *e)
{
    if (rc) {
        if (!e->text[0] || (e->status != EXIT_IMAGE && e->status != EXIT_USAGE))
            abort();
        return;
    }
    if (r->psw.mask != (PSW_EA | PSW_BA) || r->psw.addr >= SIZE || r->nranges > IPL_MAX_RANGES)
        abort();
    for (unsigned i = 0; i < r->nranges; i++)
        if (r->ranges[i].start >= r->ranges[i].end || r->ranges[i].end > SIZE)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct guest_memory mem = {calloc(1, SIZE), SIZE};
    struct ipl_request req = {0};
    struct ipl_result result;
    struct err e = {0};
    char path[40];
    unsigned options;
    int fd;

    if (!size || !mem.base) {
        free(mem.base);
        return 0;
    }
    options = data[0];
    fd = make_file(data + 1, size - 1, options & 1 ? 0x10000 : 0, path, sizeof path);
    req.image = path;
    if (options & 2)
        req.append = "console=ttyS1 root=/dev/vda";
    if (options & 4)
        req.initrd = path;
    check(ipl_load(&req, &mem, &result, &e), &result, &e);
    close(fd);
    free(mem.base);
    return 0;
}
