/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes type information (BTF): all of it, and the types between a header and names that hold. What
 * is found lies within a structure. */
#include <stdlib.h>
#include <string.h>

#include "../../stub/linux/internal.h"
#include "input.h"
#include "zgdbd/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *bytes, size_t size)
{
    struct linux_btf_member m[] = {{.type = "task_struct", .member = "pid"},
                                   {.type = "task_struct", .member = "comm"},
                                   {.type = "t", .member = "m"},
                                   {.type = "", .member = ""}};
    struct err e = {0};
    uint8_t *exact = malloc(size ? size : 1); /* so that a byte too many is seen */

    if (!exact)
        return;
    memcpy(exact, bytes, size);
    if (linux_btf_find(exact, size, m, sizeof m / sizeof *m, &e) && !e.text[0])
        abort();
    for (size_t i = 0; i < sizeof m / sizeof *m; i++)
        if (m[i].offset >= LINUX_STRUCT_MAX || (!m[i].found && m[i].offset))
            abort();
    free(exact);
}

/* The input is the types, beside names that they may mean. */
static void check_sections(const uint8_t *data, size_t size)
{
    static const uint8_t begin[] = {0xeb, 0x9f, 1, 0, 0, 0, 0, 24, 0, 0, 0, 0};
    static const char names[] = "\0task_struct\0pid\0comm\0t\0m";
    size_t types = size & ~(size_t)3;
    uint8_t *bytes = malloc(24 + types + sizeof names);

    if (!bytes)
        return;
    memcpy(bytes, begin, sizeof begin);
    store_be32(bytes + 12, (uint32_t)types);
    store_be32(bytes + 16, (uint32_t)types);
    store_be32(bytes + 20, sizeof names);
    memcpy(bytes + 24, data, types);
    memcpy(bytes + 24 + types, names, sizeof names);
    check(bytes, 24 + types + sizeof names);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size);
    check_sections(data, size);
    return 0;
}
