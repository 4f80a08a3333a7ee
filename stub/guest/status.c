/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats in which a CPU's status is stored. The offsets are those of the save areas (Principles, chapter
 * 4, "Store Status"; QEMU target/s390x/helper.c), which begin at 0x1200 in the lowcore. */
#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define AT_FPRS 0x000
#define AT_GPRS 0x080
#define AT_PSW 0x100
#define AT_PREFIX 0x118
#define AT_FPC 0x11c
#define AT_TODPR 0x124
#define AT_CPUTM 0x128
#define AT_CKC 0x130 /* a zero, then bits 0-55 */
#define AT_ACRS 0x140
#define AT_CRS 0x180

#define LC_ARCHITECTURAL_MODE 0xa3

#define VECTOR_BYTES 512u
#define GUARDED_STORAGE_LENGTH 2048u /* of an area that has room for it */
#define AT_GSCB 1024

static uint8_t *area(const struct guest_memory *mem, uint64_t address, uint64_t length)
{
    return length <= mem->size && address <= mem->size - length ? mem->base + address : NULL;
}

static void store_all64(uint8_t *at, const uint64_t *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        store_be64(at + 8 * i, values[i]);
}

int status_store(const struct guest_memory *mem, uint64_t address, const struct cpu_status *status)
{
    uint8_t *at = area(mem, address, STATUS_BYTES);

    if (!at)
        return -1;
    store_all64(at + AT_FPRS, status->fprs, 16);
    store_all64(at + AT_GPRS, status->gprs, 16);
    store_be64(at + AT_PSW, status->psw.mask);
    store_be64(at + AT_PSW + 8, status->psw.addr);
    store_be32(at + AT_PREFIX, status->prefix);
    store_be32(at + AT_FPC, status->fpc);
    store_be32(at + AT_TODPR, status->todpr);
    store_be64(at + AT_CPUTM, status->cputm);
    store_be64(at + AT_CKC, status->ckc >> 8);
    for (unsigned i = 0; i < 16; i++)
        store_be32(at + AT_ACRS + 4 * i, status->acrs[i]);
    store_all64(at + AT_CRS, status->crs, 16);
    return 0;
}

static void load_all64(const uint8_t *at, uint64_t *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        values[i] = load_be64(at + 8 * i);
}

void status_load(const uint8_t *at, struct cpu_status *status)
{
    load_all64(at + AT_FPRS, status->fprs, 16);
    load_all64(at + AT_GPRS, status->gprs, 16);
    status->psw = (struct psw){load_be64(at + AT_PSW), load_be64(at + AT_PSW + 8)};
    status->prefix = load_be32(at + AT_PREFIX);
    status->fpc = load_be32(at + AT_FPC);
    status->todpr = load_be32(at + AT_TODPR);
    status->cputm = load_be64(at + AT_CPUTM);
    status->ckc = load_be64(at + AT_CKC) << 8;
    for (unsigned i = 0; i < 16; i++)
        status->acrs[i] = load_be32(at + AT_ACRS + 4 * i);
    load_all64(at + AT_CRS, status->crs, 16);
}

int status_store_assigned(const struct guest_memory *mem, const struct cpu_status *status)
{
    if (status_store(mem, STATUS_ADDRESS, status) < 0)
        return -1;
    mem->base[LC_ARCHITECTURAL_MODE] = 1;
    return 0;
}

int status_store_additional(const struct guest_memory *mem, uint64_t address, uint64_t length,
                            const struct cpu_status *status)
{
    uint8_t *at = area(mem, address, length);

    if (!at || length < VECTOR_BYTES)
        return -1;
    store_all64(at, &status->vrs[0][0], 64);
    if (length >= GUARDED_STORAGE_LENGTH)
        store_all64(at + AT_GSCB, status->gscb, 4);
    return 0;
}
