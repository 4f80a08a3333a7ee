/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service-call processor: what the configuration is (READ SCP INFO, READ CPU INFO), and the event
 * facility with one event type, the VT220 console. It works on a private copy of the SCCB, which the guest
 * can change at any time, and touches guest memory only to fetch and store that. Numbers and checks are those
 * of QEMU's hw/s390x/sclp.c and hw/s390x/event-facility.c and of Linux drivers/s390/char/sclp.h. */
#include "zgdbd/bytes.h"
#include "zgdbd/dat.h"
#include "zgdbd/guest.h"

#include <string.h>

#define SCCB_MAX_BYTES 4096u
#define PREFIX_AREA 0x2000ULL

/* Bits 16-23 of the command word do not belong to the code. */
#define COMMAND_MASK 0xffff00ffu

enum command {
    READ_SCP_INFO = 0x00020001,
    READ_SCP_INFO_FORCED = 0x00120001,
    READ_CPU_INFO = 0x00010001,
    WRITE_EVENT_DATA = 0x00760005,
    READ_EVENT_DATA = 0x00770005,
    WRITE_EVENT_MASK = 0x00780005,
};

enum response {
    RC_READ_COMPLETION = 0x0010,
    RC_COMPLETION = 0x0020,
    RC_BOUNDARY_VIOLATION = 0x0100,
    RC_INVALID_COMMAND = 0x01f0,
    RC_INSUFFICIENT_LENGTH = 0x0300,
    RC_INVALID_FUNCTION = 0x40f0,
    RC_NO_EVENT_BUFFERS = 0x60f0,
    RC_INVALID_SELECTION_MASK = 0x70f0,
    RC_EVENT_BUFFER_SYNTAX = 0x73f0,
    RC_INVALID_MASK_LENGTH = 0x74f0,
};

/* SCCB header. */
#define SCCB_FUNCTION 2
#define SCCB_CONTROL 3 /* three bytes */
#define SCCB_RESPONSE 6
#define SCCB_HEADER_BYTES 8u
#define VARIABLE_LENGTH_RESPONSE 0x80 /* in the last control byte */

/* CPU entries: address in byte 0, type in byte 14 (0, a general-purpose CPU). */
#define CPU_ENTRY_BYTES 16u

/* READ SCP INFO. */
#define SCP_RNMAX 8
#define SCP_RNSIZE 10
#define SCP_CPU_COUNT 16
#define SCP_CPU_OFFSET 18
#define SCP_LOADPARM 24
#define SCP_FACILITIES 48
#define SCP_RNMAX2 104
#define SCP_HIGHEST_CPU 120
#define SCP_CPU_ENTRIES 128u
#define FACILITY_CPU_INFO 0x0800000000000000ULL

/* READ CPU INFO. */
#define CPU_CONFIGURED 8
#define CPU_CONFIGURED_OFFSET 10
#define CPU_STANDBY 12
#define CPU_STANDBY_OFFSET 14
#define CPU_ENTRIES 24u

/* WRITE EVENT MASK: four masks of the length that the guest chose: the guest's receive and send masks, then
 * ours. */
#define MASK_LENGTH 10
#define MASKS 12u
#define MASK_LENGTH_MAX 1021u

/* Event buffers. */
#define EVENT_TYPE 2
#define EVENT_FLAGS 3
#define EVENT_HEADER_BYTES 6u
#define EVENT_ACCEPTED 0x80
#define EVENT_VT220 0x1a

#define NORMAL_WRITE 0 /* function codes */
#define UNCONDITIONAL_READ 0
#define SELECTIVE_READ 1

/* Event type n is bit n - 1 of a mask, counted from the left. */
#define OFFERED_EVENTS (0x80000000u >> (EVENT_VT220 - 1))

struct sccb {
    uint8_t bytes[SCCB_MAX_BYTES];
    unsigned length;
};

void sclp_init(struct sclp *s, const struct sclp_config *config)
{
    memset(s, 0, sizeof *s);
    s->config = *config;
    pthread_mutex_init(&s->lock, NULL);
    memset(s->loadparm, 0x40, sizeof s->loadparm); /* an EBCDIC blank */
    sclp_reset(s);
}

void sclp_destroy(struct sclp *s)
{
    pthread_mutex_destroy(&s->lock);
}

bool sclp_event_pending(struct sclp *s)
{
    (void)s;
    return false;
}

int sclp_quiesce(struct sclp *s)
{
    (void)s;
    return -1;
}

void sclp_reset(struct sclp *s)
{
    s->receive_mask = 0;
    s->send_mask = 0;
}

static void store_cpu_entries(const struct sclp *s, uint8_t *entries)
{
    for (unsigned i = 0; i < s->config.ncpus; i++)
        entries[i * CPU_ENTRY_BYTES] = (uint8_t)i;
}

/* Clears the answer's part of the SCCB if it can hold the CPU entries from this offset on. */
static bool clear_for_cpus(const struct sclp *s, struct sccb *b, unsigned entries)
{
    if (b->length < entries || (b->length - entries) / CPU_ENTRY_BYTES < s->config.ncpus)
        return false;
    memset(b->bytes + SCCB_HEADER_BYTES, 0, b->length - SCCB_HEADER_BYTES);
    return true;
}

static enum response read_scp_info(const struct sclp *s, const struct guest_memory *mem, struct sccb *b)
{
    uint64_t increments = mem->size >> 20;

    if (!clear_for_cpus(s, b, SCP_CPU_ENTRIES))
        return RC_INSUFFICIENT_LENGTH;
    /* Storage in increments of 1 MiB; numbers that need more than 16 bits have a field of their own. */
    b->bytes[SCP_RNSIZE] = 1;
    if (increments <= 0xffff)
        store_be16(b->bytes + SCP_RNMAX, (uint16_t)increments);
    else
        store_be64(b->bytes + SCP_RNMAX2, increments);
    store_be16(b->bytes + SCP_CPU_COUNT, (uint16_t)s->config.ncpus);
    store_be16(b->bytes + SCP_CPU_OFFSET, SCP_CPU_ENTRIES);
    memcpy(b->bytes + SCP_LOADPARM, s->loadparm, sizeof s->loadparm);
    store_be64(b->bytes + SCP_FACILITIES, FACILITY_CPU_INFO);
    store_be16(b->bytes + SCP_HIGHEST_CPU, (uint16_t)(s->config.ncpus - 1));
    store_cpu_entries(s, b->bytes + SCP_CPU_ENTRIES);
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

/* The first 32 event types of a mask of any length. */
static uint32_t load_mask(const uint8_t *mask, unsigned length)
{
    uint8_t word[4] = {0};

    memcpy(word, mask, length < sizeof word ? length : sizeof word);
    return load_be32(word);
}

static void store_mask(uint8_t *mask, unsigned length, uint32_t events)
{
    uint8_t word[4];

    store_be32(word, events);
    memset(mask, 0, length);
    memcpy(mask, word, length < sizeof word ? length : sizeof word);
}

static enum response write_event_mask(struct sclp *s, struct sccb *b)
{
    uint8_t *masks = b->bytes + MASKS;
    unsigned length;

    if (b->length < MASKS)
        return RC_INSUFFICIENT_LENGTH;
    length = load_be16(b->bytes + MASK_LENGTH);
    if (!length || length > MASK_LENGTH_MAX)
        return RC_INVALID_MASK_LENGTH;
    if (b->length - MASKS < 4 * length)
        return RC_INSUFFICIENT_LENGTH;
    s->receive_mask = load_mask(masks, length);
    s->send_mask = load_mask(masks + length, length);
    store_mask(masks + 2 * length, length, OFFERED_EVENTS);
    store_mask(masks + 3 * length, length, OFFERED_EVENTS);
    return RC_COMPLETION;
}

/* Do the lengths of the event buffers add up to the SCCB's? */
static bool events_well_formed(const struct sccb *b)
{
    unsigned at = SCCB_HEADER_BYTES;

    while (at < b->length) {
        unsigned left = b->length - at;
        unsigned length = left < EVENT_HEADER_BYTES ? 0 : load_be16(b->bytes + at);

        if (length < EVENT_HEADER_BYTES || length > left)
            return false;
        at += length;
    }
    return true;
}

/* Writes events up to the first that is of no offered type. That one and those behind it are not accepted:
 * Linux waits for an answer to every accepted event. */
static enum response write_event_data(struct sclp *s, struct sccb *b)
{
    enum response rc = RC_COMPLETION;
    unsigned length;

    if (b->bytes[SCCB_FUNCTION] != NORMAL_WRITE)
        return RC_INVALID_FUNCTION;
    if (!events_well_formed(b))
        return RC_EVENT_BUFFER_SYNTAX;
    for (unsigned at = SCCB_HEADER_BYTES; at < b->length; at += length) {
        uint8_t *event = b->bytes + at;

        length = load_be16(event);
        if (event[EVENT_TYPE] != EVENT_VT220)
            rc = RC_INVALID_FUNCTION;
        if (rc != RC_COMPLETION) {
            event[EVENT_FLAGS] &= (uint8_t)~EVENT_ACCEPTED;
            continue;
        }
        s->config.write(s->config.write_ctx, event + EVENT_HEADER_BYTES, length - EVENT_HEADER_BYTES);
        event[EVENT_FLAGS] |= EVENT_ACCEPTED;
    }
    return rc;
}

/* There is never an event for the guest: nothing is typed into its console. */
static enum response read_event_data(const struct sclp *s, struct sccb *b)
{
    switch (b->bytes[SCCB_FUNCTION]) {
    case UNCONDITIONAL_READ:
        break;
    case SELECTIVE_READ:
        if (b->length < SCCB_HEADER_BYTES + 4)
            return RC_INSUFFICIENT_LENGTH;
        if (!s->receive_mask || (load_be32(b->bytes + SCCB_HEADER_BYTES) & ~s->receive_mask))
            return RC_INVALID_SELECTION_MASK;
        break;
    default:
        return RC_INVALID_FUNCTION;
    }
    if (b->bytes[SCCB_CONTROL + 2] & VARIABLE_LENGTH_RESPONSE) {
        b->bytes[SCCB_CONTROL + 2] &= (uint8_t)~VARIABLE_LENGTH_RESPONSE;
        store_be16(b->bytes, SCCB_HEADER_BYTES);
    }
    return RC_NO_EVENT_BUFFERS;
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

static enum response execute(struct sclp *s, const struct guest_memory *mem, uint32_t command, struct sccb *b)
{
    switch (command) {
    case READ_CPU_INFO:
        return read_cpu_info(s, b);
    case WRITE_EVENT_DATA:
        return write_event_data(s, b);
    case READ_EVENT_DATA:
        return read_event_data(s, b);
    case WRITE_EVENT_MASK:
        return write_event_mask(s, b);
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

struct sclp_answer sclp_service_call(struct sclp *s, const struct guest_memory *mem, uint64_t prefix,
                                     uint32_t command, uint64_t sccb)
{
    struct sclp_answer answer = {.program = check_address(mem, prefix, sccb)};
    struct sccb b = {.length = 0};
    uint8_t *guest_sccb;

    if (answer.program)
        return answer;
    guest_sccb = mem->base + sccb;
    memcpy(b.bytes, guest_sccb, SCCB_HEADER_BYTES);
    b.length = load_be16(b.bytes);
    if (b.length < SCCB_HEADER_BYTES)
        return (struct sclp_answer){.program = PGM_SPECIFICATION};

    answer.signal = true;
    answer.parameter = (uint32_t)sccb;
    command &= COMMAND_MASK;
    if (!command_known(command)) {
        store_be16(guest_sccb + SCCB_RESPONSE, RC_INVALID_COMMAND);
        return answer;
    }
    if ((sccb & (SCCB_MAX_BYTES - 1)) + b.length > SCCB_MAX_BYTES || b.length > mem->size - sccb) {
        store_be16(guest_sccb + SCCB_RESPONSE, RC_BOUNDARY_VIOLATION);
        return answer;
    }
    /* The header stays as first fetched: its length is what was checked. */
    memcpy(b.bytes + SCCB_HEADER_BYTES, guest_sccb + SCCB_HEADER_BYTES, b.length - SCCB_HEADER_BYTES);
    store_be16(b.bytes + SCCB_RESPONSE, (uint16_t)execute(s, mem, command, &b));
    memcpy(guest_sccb, b.bytes, b.length);
    return answer;
}
