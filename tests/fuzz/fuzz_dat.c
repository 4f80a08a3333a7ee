/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes address translation: control and access registers, PSW, prefix, addresses and the tables themselves
 * come from the input. What is translated must lie in memory with all of its `left` bytes, reading must agree
 * with translating, and so must a translation that is recorded. */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "zgdbd/bytes.h"
#include "zgdbd/dat.h"
#include "zgdbd/psw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same with a record, whose every step has words. */
static void check_recorded(const struct dat_context *ctx, enum mem_space space, uint64_t addr, int code,
                           const struct dat_result *plain)
{
    struct dat_context recording = *ctx;
    struct dat_walk w;
    struct dat_result r;
    char text[200];

    recording.walk = &w;
    if (dat_translate(&recording, space, addr, &r) != code || (!code && r.absolute != plain->absolute))
        abort();
    if (w.n > DAT_STEPS_MAX || (space != SPACE_DEFAULT && (w.why != NULL) != (code != 0)))
        abort();
    for (unsigned i = 0; i < w.n; i++) {
        if (w.step[i].bytes > sizeof w.step[i].value || !dat_table_entry_name(w.step[i].table))
            abort();
        if (strlen(dat_step_describe(&w.step[i], text, sizeof text)) == sizeof text - 1)
            abort();
    }
    dat_asce_describe(w.asce, text, sizeof text);
}

static size_t read_memory(void *reader, uint64_t absolute, void *buf, size_t len)
{
    const struct dat_context *ctx = reader;

    if (absolute >= ctx->size || len > ctx->size - absolute)
        abort();
    memcpy(buf, ctx->memory + absolute, len);
    return len;
}

/* Memory that is read by a function is translated in the same way. */
static void check_reader(struct dat_context *ctx, enum mem_space space, uint64_t addr)
{
    struct dat_context reading = *ctx;
    uint8_t buf[64], same[64];
    size_t n = dat_read(ctx, space, addr, buf, sizeof buf);

    reading.memory = NULL;
    reading.read = read_memory;
    reading.reader = ctx;
    if (dat_read(&reading, space, addr, same, sizeof same) != n || memcmp(buf, same, n))
        abort();
}

static void check(const struct dat_context *ctx, enum mem_space space, uint64_t addr)
{
    uint8_t buf[64];
    struct dat_result r;
    int code = dat_translate(ctx, space, addr, &r);
    size_t n = dat_read(ctx, space, addr, buf, sizeof buf);

    if ((code == 0) != (n != 0))
        abort();
    check_recorded(ctx, space, addr, code, &r);
    if (code)
        return;
    if (r.absolute >= ctx->size || !r.left || r.left > ctx->size - r.absolute)
        abort();
    if (n > r.left)
        n = (size_t)r.left;
    if (memcmp(buf, ctx->memory + r.absolute, n))
        abort();
    /* The last byte that is said to belong to the range is where its own translation says. */
    if (space != SPACE_DEFAULT) {
        struct dat_result last;

        if (dat_translate(ctx, space, addr + r.left - 1, &last) || last.absolute != r.absolute + r.left - 1)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct dat_context ctx = {.size = (1 + take(&in, 1) % 16) * 0x1000};
    uint8_t *memory = calloc(1, ctx.size);
    uint64_t addr[8];

    if (!memory)
        return 0;
    ctx.memory = memory;
    ctx.edat2 = take(&in, 1) & 1;
    ctx.psw_mask = take(&in, 8);
    ctx.prefix = take(&in, 1) % 20 * 0x2000;
    ctx.cr[0] = take(&in, 8);
    ctx.cr[1] = take(&in, 8);
    ctx.cr[2] = take(&in, 4);
    ctx.cr[5] = take(&in, 4);
    ctx.cr[8] = take(&in, 4);
    ctx.ar[1] = (uint32_t)take(&in, 4);
    ctx.ar[2] = (uint32_t)take(&in, 4);
    ctx.cr[7] = take(&in, 8);
    ctx.cr[13] = take(&in, 8);
    for (unsigned i = 0; i < 8; i++)
        addr[i] = take(&in, 8);
    /* What is left is entries and where they stand. */
    while (in.size >= 10) {
        uint64_t at = take(&in, 2) * 8 % ctx.size;

        store_be64(memory + at, take(&in, 8));
    }
    for (unsigned i = 0; i < 8; i++)
        for (enum mem_space space = SPACE_DEFAULT; space < SPACE_AR + 3; space++)
            check(&ctx, space, addr[i]), check_reader(&ctx, space, addr[i]);
    free(memory);
    return 0;
}
