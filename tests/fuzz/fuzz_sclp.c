/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the service call: the input is a script of calls, each with its command word, SCCB address and the
 * bytes stored there first. Guest memory is allocated to the byte, so that the sanitizer sees every access
 * outside it; the console reads all that it is given. */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define SIZE 0x6000 /* lowcore, prefix area at 0x2000, two pages */
#define PREFIX 0x2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(void *ctx, const uint8_t *text, size_t len)
{
    uint8_t *sum = ctx;

    for (size_t i = 0; i < len; i++)
        *sum ^= text[i];
}

/* Stores the bytes of this call's SCCB, as far as they are in the input and inside memory. */
static void fill(struct input *in, struct guest_memory *mem, uint64_t sccb)
{
    size_t len = (size_t)take(in, 2) & 0x1fff;

    if (len > in->size)
        len = in->size;
    if (sccb < mem->size) {
        size_t room = (size_t)(mem->size - sccb);

        memcpy(mem->base + sccb, in->data, len < room ? len : room);
    }
    in->data += len;
    in->size -= len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t commands[] = {0x00020001, 0x00120001, 0x00010001,
                                        0x00760005, 0x00770005, 0x00780005};
    struct input in = {data, size};
    struct guest_memory mem = {calloc(1, SIZE), SIZE};
    uint8_t sum = 0;
    struct sclp sclp;

    if (!mem.base)
        return 0;
    sclp_init(&sclp, &(struct sclp_config){.ncpus = 1 + (unsigned)take(&in, 1) % 64,
                                           .consoles = SCLP_VT220,
                                           .write = print,
                                           .write_ctx = &sum});
    while (in.size) {
        unsigned choice = (unsigned)take(&in, 1);
        uint32_t command = choice < 0xc0 ? commands[choice % 6] : (uint32_t)take(&in, 4);
        uint64_t sccb = choice & 0x20 ? take(&in, 8) : 0x4000 + take(&in, 2) % 0x2000;
        struct sclp_answer a;

        fill(&in, &mem, sccb);
        a = sclp_service_call(&sclp, &mem, PREFIX, command, sccb);
        if (!a.program && (!a.signal || !load_be16(mem.base + sccb + 6)))
            abort(); /* a call without an answer: the guest would wait for ever */
    }
    free(mem.base);
    return 0;
}
