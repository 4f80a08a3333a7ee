/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service-call processor: one service call at a time, with the checks of its SCCB, and what the
 * configuration is (READ SCP INFO, READ CPU INFO); events are in sclp_events.c. It works on a private copy of
 * the SCCB, which the guest can change at any time, and touches guest memory only to fetch and store that.
 * Checks and answers are those of QEMU's hw/s390x/sclp.c. */
#include "sclp.h"

#include "zgdbd/bytes.h"
#include "zgdbd/dat.h"

#include <string.h>

#define PAGE_BYTES 4096u
#define PREFIX_AREA 0x2000ULL

/* Bits 16-23 of the command word do not belong to the code. */

enum command {
    READ_SCP_INFO = 0x00020001,
    READ_SCP_INFO_FORCED = 0x00120001,
    READ_CPU_INFO = 0x00010001,
    WRITE_EVENT_DATA = 0x00760005,
    READ_EVENT_DATA = 0x00770005,
    WRITE_EVENT_MASK = 0x00780005,
};

/* CPU entries: address in byte 0, type in byte 14 (0, a general-purpose CPU). */
#define CPU_ENTRY_BYTES 16u

/* READ SCP INFO. */
#define SCP_RNMAX 8
#define SCP_RNSIZE 10
#define SCP_CPU_COUNT 16
#define SCP_CPU_OFFSET 18
#define SCP_LOADPARM 24
#define SCP_FACILITIES 48
#define SCP_RNSIZE2 100
#define SCP_RNMAX2 104
#define SCP_HIGHEST_CPU 120
#define SCP_CPU_ENTRIES 128u
#define SCP_CPU_ENTRIES_EXTENDED 144u /* where extended lengths are offered */
#define FACILITY_CPU_INFO 0x0800000000000000ULL

/* READ CPU INFO. */
#define CPU_CONFIGURED 8
#define CPU_CONFIGURED_OFFSET 10
#define CPU_STANDBY 12
#define CPU_STANDBY_OFFSET 14
#define CPU_ENTRIES 24u

#define MASK_LENGTH_RESET 4u /* until WRITE EVENT MASK says another */
#define CC_BUSY 2

void sclp_init(struct sclp *s, const struct sclp_config *config)
{
    memset(s, 0, sizeof *s);
    s->config = *config;
    pthread_mutex_init(&s->call, NULL);
    pthread_mutex_init(&s->lock, NULL);
    memset(s->loadparm, 0x40, sizeof s->loadparm); /* an EBCDIC blank */
    sclp_reset(s);
}

void sclp_destroy(struct sclp *s)
{
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->call);
}

void sclp_reset(struct sclp *s)
{
    pthread_mutex_lock(&s->lock);
    s->receive_mask = 0;
    s->mask_length = MASK_LENGTH_RESET;
    s->quiesce = false;
    pthread_mutex_unlock(&s->lock);
}

static void store_cpu_entries(const struct sclp *s, uint8_t *entries)
{
    for (unsigned i = 0; i < s->config.ncpus; i++)
        entries[i * CPU_ENTRY_BYTES] = (uint8_t)i;
}

/* Clears the answer's part of the SCCB if it can hold the CPU entries from this offset on. If not, a guest
 * that knows extended lengths is told the one it needs. */
static bool clear_for_cpus(const struct sclp *s, struct sccb *b, unsigned entries)
{
    unsigned needed = entries + s->config.ncpus * CPU_ENTRY_BYTES;

    if (b->length < needed) {
        if (s->config.extended_sccb && needed <= SCCB_MAX_BYTES)
            store_be16(b->bytes, (uint16_t)needed);
        return false;
    }
    memset(b->bytes + SCCB_HEADER_BYTES, 0, b->length - SCCB_HEADER_BYTES);
    return true;
}

/* Storage as a number of increments. They are of 1 MiB, and larger, by a power of two, only as far as the
 * number then fits the 16 bits that every guest knows and no storage is left over. Size and number that do
 * not fit their old fields have new ones. */
static void store_increments(struct sccb *b, uint64_t storage)
{
    uint64_t number = storage >> 20;
    uint32_t size = 1; /* MiB */

    for (; number > 0xffff && !(number & 1); number >>= 1)
        size <<= 1;
    if (size <= 0xff)
        b->bytes[SCP_RNSIZE] = (uint8_t)size;
    else
        store_be32(b->bytes + SCP_RNSIZE2, size);
    if (number <= 0xffff)
        store_be16(b->bytes + SCP_RNMAX, (uint16_t)number);
    else
        store_be64(b->bytes + SCP_RNMAX2, number);
}

static enum response read_scp_info(const struct sclp *s, const struct guest_memory *mem, struct sccb *b)
{
    unsigned entries = s->config.extended_sccb ? SCP_CPU_ENTRIES_EXTENDED : SCP_CPU_ENTRIES;

    if (!clear_for_cpus(s, b, entries))
        return RC_INSUFFICIENT_LENGTH;
    store_increments(b, mem->size);
    store_be16(b->bytes + SCP_CPU_COUNT, (uint16_t)s->config.ncpus);
    store_be16(b->bytes + SCP_CPU_OFFSET, (uint16_t)entries);
    memcpy(b->bytes + SCP_LOADPARM, s->loadparm, sizeof s->loadparm);
    store_be64(b->bytes + SCP_FACILITIES, FACILITY_CPU_INFO);
    store_be16(b->bytes + SCP_HIGHEST_CPU, (uint16_t)(s->config.ncpus - 1));
    store_cpu_entries(s, b->bytes + entries);
    return RC_READ_COMPLETION;
}

static enum response read_cpu_info(const struct sclp *s, struct sccb *b)
{
    if (!clear_for_cpus(s, b, CPU_ENTRIES))
        return RC_INSUFFICIENT_LENGTH;
    store_be16(b->bytes + CPU_CONFIGURED, (uint16_t)s->config.ncpus);
    store_be16(b->bytes + CPU_CONFIGURED_OFFSET, CPU_ENTRIES);
    store_be16(b->bytes + CPU_STANDBY, 0);
    store_be16(b->bytes + CPU_STANDBY_OFFSET, (uint16_t)(CPU_ENTRIES + s->config.ncpus * CPU_ENTRY_BYTES));
    store_cpu_entries(s, b->bytes + CPU_ENTRIES);
    return RC_READ_COMPLETION;
}

static bool command_known(uint32_t command)
{
    switch (command) {
    case READ_SCP_INFO:
    case READ_SCP_INFO_FORCED:
    case READ_CPU_INFO:
    case WRITE_EVENT_DATA:
    case READ_EVENT_DATA:
    case WRITE_EVENT_MASK:
        return true;
    default:
        return false;
    }
}

static bool reads_info(uint32_t command)
{
    return command == READ_SCP_INFO || command == READ_SCP_INFO_FORCED || command == READ_CPU_INFO;
}

static enum response execute(struct sclp *s, const struct guest_memory *mem, uint32_t command, struct sccb *b)
{
    switch (command) {
    case READ_CPU_INFO:
        return read_cpu_info(s, b);
    case WRITE_EVENT_DATA:
        return sclp_write_event_data(s, b);
    case READ_EVENT_DATA:
        return sclp_read_event_data(s, b);
    case WRITE_EVENT_MASK:
        return sclp_write_event_mask(s, b);
    default:
        return read_scp_info(s, mem, b);
    }
}

/* The program interruption with which a service call for this SCCB address ends, or 0. */
static uint16_t check_address(const struct guest_memory *mem, uint64_t prefix, uint64_t sccb)
{
    uint64_t area = sccb & ~(PREFIX_AREA - 1);

    if ((sccb & 7) || sccb > 0x7fffffff || area == 0 || area == prefix)
        return PGM_SPECIFICATION;
    if (sccb >= mem->size || mem->size - sccb < SCCB_HEADER_BYTES)
        return PGM_ADDRESSING;
    return 0;
}

/* Does the SCCB lie where this command may have it? Only information may cross a page, with the
 * extended-length-SCCB facility. */
static bool in_bounds(const struct sclp *s, const struct guest_memory *mem, uint32_t command, uint64_t sccb,
                      unsigned length)
{
    if (length > mem->size - sccb)
        return false;
    return (s->config.extended_sccb && reads_info(command)) || sccb % PAGE_BYTES + length <= PAGE_BYTES;
}

/* Carries out a command whose SCCB begins at a good address with this header. */
static void service(struct sclp *s, const struct guest_memory *mem, uint32_t command, uint64_t sccb,
                    const uint8_t header[SCCB_HEADER_BYTES])
{
    uint8_t *guest_sccb = mem->base + sccb;
    unsigned length = load_be16(header);
    struct sccb b;

    if (!command_known(command)) {
        store_be16(guest_sccb + SCCB_RESPONSE, RC_INVALID_COMMAND);
        return;
    }
    if (!in_bounds(s, mem, command, sccb, length)) {
        store_be16(guest_sccb + SCCB_RESPONSE, RC_BOUNDARY_VIOLATION);
        return;
    }
    /* The header stays as first fetched: its length is what was checked. */
    b.length = length;
    memcpy(b.bytes, header, SCCB_HEADER_BYTES);
    memcpy(b.bytes + SCCB_HEADER_BYTES, guest_sccb + SCCB_HEADER_BYTES, length - SCCB_HEADER_BYTES);
    store_be16(b.bytes + SCCB_RESPONSE, (uint16_t)execute(s, mem, command, &b));
    memcpy(guest_sccb, b.bytes, length);
}

struct sclp_answer sclp_service_call(struct sclp *s, const struct guest_memory *mem, uint64_t prefix,
                                     uint32_t command, uint64_t sccb)
{
    struct sclp_answer answer = {.program = check_address(mem, prefix, sccb)};
    uint8_t header[SCCB_HEADER_BYTES];

    if (answer.program)
        return answer;
    memcpy(header, mem->base + sccb, sizeof header);
    if (load_be16(header) < SCCB_HEADER_BYTES)
        return (struct sclp_answer){.program = PGM_SPECIFICATION};
    if (pthread_mutex_trylock(&s->call) != 0)
        return (struct sclp_answer){.cc = CC_BUSY};
    service(s, mem, command & SCLP_COMMAND_MASK, sccb, header);
    pthread_mutex_unlock(&s->call);
    answer.signal = true;
    answer.parameter = (uint32_t)sccb | (sclp_event_pending(s) ? SCLP_EVENT_PENDING : 0);
    return answer;
}
