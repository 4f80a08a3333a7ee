/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sclp_rig.h"

#include <stdlib.h>
#include <string.h>

struct sclp sclp;
struct guest_memory storage;
uint8_t *sccb;
uint8_t printed[16384];
size_t nprinted;
uint8_t typed[65536];
size_t ntyped;
size_t read_limit;

static void print(void *ctx, const uint8_t *text, size_t len)
{
    assert_ptr_equal(ctx, printed);
    assert_true(len <= sizeof printed - nprinted);
    memcpy(printed + nprinted, text, len);
    nprinted += len;
}

static size_t keyboard(void *ctx, uint8_t *buf, size_t size)
{
    size_t n = size < read_limit ? size : read_limit;

    assert_ptr_equal(ctx, typed);
    n = n < ntyped ? n : ntyped;
    memcpy(buf, typed, n);
    ntyped -= n;
    memmove(typed, typed + n, ntyped);
    return n;
}

int sclp_setup(void **state)
{
    (void)state;
    storage = (struct guest_memory){calloc(1, SIZE), SIZE};
    if (!storage.base)
        return -1;
    sccb = storage.base + SCCB;
    nprinted = 0;
    ntyped = 0;
    read_limit = SIZE_MAX;
    sclp_init(&sclp, &(struct sclp_config){.ncpus = 2,
                                           .consoles = SCLP_VT220,
                                           .write = print,
                                           .write_ctx = printed,
                                           .read = keyboard,
                                           .read_ctx = typed});
    return 0;
}

int sclp_teardown(void **state)
{
    (void)state;
    sclp_destroy(&sclp);
    free(storage.base);
    return 0;
}

void sclp_offer(unsigned consoles)
{
    sclp.config.consoles = consoles;
}

unsigned call(uint32_t command)
{
    struct sclp_answer a = sclp_service_call(&sclp, &storage, PREFIX, command, SCCB);

    assert_int_equal(a.program, 0);
    assert_int_equal(a.cc, 0);
    assert_true(a.signal);
    assert_int_equal(a.parameter, SCCB | (sclp_event_pending(&sclp) ? 1 : 0));
    return load_be16(sccb + 6);
}

unsigned call_with_length(uint32_t command, uint16_t length)
{
    store_be16(sccb, length);
    return call(command);
}

void receive(uint32_t mask)
{
    memset(sccb, 0, 28);
    store_be16(sccb + 10, 4);
    store_be32(sccb + 12, mask);
    assert_int_equal(call_with_length(WRITE_EVENT_MASK, 28), 0x0020);
}

unsigned read_events(uint16_t length)
{
    memset(sccb, 0, 8);
    sccb[5] = 0x80;
    return call_with_length(READ_EVENT_DATA, length);
}

void type(const char *text)
{
    size_t len = strlen(text);

    assert_true(len <= sizeof typed - ntyped);
    memcpy(typed + ntyped, text, len);
    ntyped += len;
}

uint8_t *put_event(uint8_t *at, uint8_t type, const void *data, size_t len)
{
    memset(at, 0, 6);
    store_be16(at, (uint16_t)(6 + len));
    at[2] = type;
    memcpy(at + 6, data, len);
    return at + 6 + len;
}
