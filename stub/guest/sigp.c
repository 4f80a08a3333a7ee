/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGP as a table: what each order needs of the CPU that it goes to and of its parameter, and what is then to
 * be done. Doing it is the engine's business. */
#include "zgdbd/guest.h"

#define CC_STATUS 1
#define CC_BUSY 2
#define CC_NOT_OPERATIONAL 3

#define PREFIX_AREA 0x2000u

/* The parameter of "store additional status": an address, and in its last bits the length as a power of 2. */
#define ADDITIONAL_LENGTH 0xfu
#define ADDITIONAL_DEFAULT 10u /* 1 KiB */

static struct sigp_answer refused(uint32_t status)
{
    return (struct sigp_answer){.cc = CC_STATUS, .status = status};
}

static bool within(const struct guest_memory *mem, uint64_t address, uint64_t length)
{
    return length <= mem->size && address <= mem->size - length;
}

static struct sigp_answer sense(const struct sigp_state *s)
{
    return s->stopped ? refused(SIGP_STATUS_STOPPED) : (struct sigp_answer){0};
}

static struct sigp_answer stop(const struct sigp_state *s)
{
    return (struct sigp_answer){.action = s->stopped ? SIGP_NOTHING : SIGP_DO_STOP};
}

static struct sigp_answer stop_and_store(const struct sigp_state *s)
{
    return (struct sigp_answer){.action = s->stopped ? SIGP_DO_STORE : SIGP_DO_STOP_AND_STORE};
}

static struct sigp_answer set_prefix(const struct sigp_state *s, uint64_t parameter)
{
    uint64_t prefix = parameter & 0x7fffe000u;

    if (!within(s->memory, prefix, PREFIX_AREA))
        return refused(SIGP_STATUS_INVALID_PARAMETER);
    if (!s->stopped)
        return refused(SIGP_STATUS_INCORRECT_STATE);
    return (struct sigp_answer){.action = SIGP_DO_SET_PREFIX, .address = prefix};
}

static struct sigp_answer store_at(const struct sigp_state *s, uint64_t parameter)
{
    uint64_t address = parameter & 0x7ffffe00u;

    if (!s->stopped)
        return refused(SIGP_STATUS_INCORRECT_STATE);
    if (!within(s->memory, address, STATUS_BYTES))
        return refused(SIGP_STATUS_INVALID_PARAMETER);
    return (struct sigp_answer){.action = SIGP_DO_STORE_AT, .address = address};
}

static struct sigp_answer store_additional(const struct sigp_state *s, uint64_t parameter)
{
    unsigned exponent = parameter & ADDITIONAL_LENGTH;
    uint64_t address = parameter & ~(uint64_t)ADDITIONAL_LENGTH;
    uint64_t length = 1ULL << (exponent ? exponent : ADDITIONAL_DEFAULT);
    bool length_is_known = exponent == 0 || (s->guarded_storage && exponent >= 10 && exponent <= 12);

    if (!s->vectors && !s->guarded_storage)
        return refused(SIGP_STATUS_INVALID_ORDER);
    if (!s->stopped)
        return refused(SIGP_STATUS_INCORRECT_STATE);
    if (!length_is_known || address % length || !within(s->memory, address, length))
        return refused(SIGP_STATUS_INVALID_PARAMETER);
    return (struct sigp_answer){.action = SIGP_DO_STORE_ADDITIONAL, .address = address, .length = length};
}

/* To a CPU that is there and not busy. */
static struct sigp_answer answer(const struct sigp_state *s, unsigned order, uint64_t parameter)
{
    switch (order) {
    case SIGP_SENSE:
        return sense(s);
    case SIGP_START:
        return (struct sigp_answer){.action = s->stopped ? SIGP_DO_START : SIGP_NOTHING};
    case SIGP_STOP:
        return stop(s);
    case SIGP_RESTART:
        return (struct sigp_answer){.action = SIGP_DO_RESTART};
    case SIGP_STOP_AND_STORE_STATUS:
        return stop_and_store(s);
    case SIGP_INITIAL_CPU_RESET:
        return (struct sigp_answer){.action = SIGP_DO_INITIAL_RESET};
    case SIGP_CPU_RESET:
        return (struct sigp_answer){.action = SIGP_DO_RESET};
    case SIGP_SET_PREFIX:
        return set_prefix(s, parameter);
    case SIGP_STORE_STATUS_AT_ADDRESS:
        return store_at(s, parameter);
    case SIGP_STORE_ADDITIONAL_STATUS:
        return store_additional(s, parameter);
    default:
        return refused(SIGP_STATUS_INVALID_ORDER);
    }
}

struct sigp_answer sigp_order(const struct sigp_state *s, unsigned order, uint64_t parameter)
{
    bool resets = order == SIGP_CPU_RESET || order == SIGP_INITIAL_CPU_RESET;

    if (order == SIGP_SET_ARCHITECTURE) /* goes to all CPUs, whatever the address */
        return refused(s->others_stopped ? SIGP_STATUS_INVALID_PARAMETER : SIGP_STATUS_INCORRECT_STATE);
    if (!s->there)
        return (struct sigp_answer){.cc = CC_NOT_OPERATIONAL};
    if (s->stopping && !resets)
        return (struct sigp_answer){.cc = CC_BUSY};
    return answer(s, order, parameter);
}
