/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes what zgdbd reads of a dump itself: the input is a list of ELF notes, and behind it what stands in
 * memory where save areas are. Every CPU counted is read, no register is known that has no bytes, and the
 * machine made of them answers everything. The notes are allocated to the byte, so that the sanitizer sees
 * every access outside. */
#include <stdlib.h>
#include <string.h>

#include "../../stub/core/internal.h"

#define NOTES_AT_LEAST 64
#define CPUS 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    const uint8_t *bytes;
    size_t size;
};

static size_t read_memory(void *reader, uint64_t absolute, void *buf, size_t len)
{
    const struct memory *m = reader;

    if (absolute >= m->size)
        return 0;
    if (len > m->size - absolute)
        len = (size_t)(m->size - absolute);
    memcpy(buf, m->bytes + absolute, len);
    return len;
}

static void close_cpus(const struct core_parts *parts)
{
    free(parts->cpus);
}

/* Asks the machine for all that a session would. */
static void look(struct machine *m)
{
    uint8_t bytes[REG_MAX_BYTES];
    struct stop stop;

    if (!machine_next_stop(m, &stop) || stop.cpu >= m->ncpus || machine_next_stop(m, &stop))
        abort();
    for (unsigned cpu = 0; cpu < m->ncpus; cpu++) {
        const char *doubt = machine_doubt(m, cpu);

        if (doubt && !*doubt)
            abort();
        (void)machine_state(m, cpu);
        for (unsigned reg = 0; reg < REG_COUNT; reg++)
            if (machine_read_reg(m, cpu, reg, bytes) == 0 &&
                !(m->reg_features & 1u << reg_table[reg].feature))
                abort();
        for (enum mem_space space = SPACE_DEFAULT; space < SPACE_AR + 2; space++)
            machine_read_memory(m, cpu, space, 0x1000, bytes, sizeof bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = size < NOTES_AT_LEAST ? size : size / 2;
    struct memory memory = {data + len, size - len};
    struct core_parts parts = {.fd = -1, .read = read_memory, .reader = &memory, .size = size - len};
    uint8_t *notes = malloc(len ? len : 1);
    unsigned counted, n;
    struct machine *m;

    parts.cpus = calloc(CPUS, sizeof *parts.cpus);
    if (!notes || !parts.cpus)
        abort();
    memcpy(notes, data, len);
    counted = notes_count(notes, len);
    n = notes_read(notes, len, parts.cpus, CPUS);
    if (n != (counted < CPUS ? counted : CPUS))
        abort();
    notes_sort(parts.cpus, n);
    free(notes);
    parts.ncpus = n ? n : 1;
    for (unsigned i = 0; i < parts.ncpus; i++)
        savearea_read(&parts.cpus[i], core_reg(&parts.cpus[i], REG_PREFIX), read_memory, &memory);
    m = core_create(&parts, close_cpus, NULL);
    if (!m)
        abort();
    look(m);
    machine_destroy(m);
    return 0;
}
