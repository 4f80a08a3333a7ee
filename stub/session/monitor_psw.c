/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor psw` and `monitor lowcore`: a CPU's PSW, and its prefix area, in words. */
#include <string.h>

#include "monitor.h"
#include "zgdbd/lowcore.h"

bool mon_psw(struct session *s, const char *args, struct text *out)
{
    char line[192], fields[2000];
    unsigned cpu;
    if (!take_cpu(s, args, &cpu, out))
        return true;
    struct psw psw = {reg_value(s, cpu, REG_PSWM), reg_value(s, cpu, REG_PSWA)};
    put(out, "CPU %u, PSW %s\n", cpu, psw_describe(psw, line, sizeof line));
    put(out, "%s", psw_fields(psw, fields, sizeof fields));
    return true;
}

static void put_fields(const uint8_t *lowcore, struct text *out)
{
    char text[1400];
    for (size_t i = 0; i < lowcore_nfields; i++) {
        const struct lowcore_field *f = &lowcore_fields[i];
        if (!lowcore_is_zero(f, lowcore))
            put(out, "%04x %s: %s\n", f->at, f->name, lowcore_describe(f, lowcore, text, sizeof text));
    }
}

static void put_zeros(const uint8_t *lowcore, struct text *out)
{
    const char *between = "zero: ";
    for (size_t i = 0; i < lowcore_nfields; i++)
        if (lowcore_is_zero(&lowcore_fields[i], lowcore)) {
            put(out, "%s%s", between, lowcore_fields[i].name);
            between = ", ";
        }
    if (*between == ',')
        put(out, "\n");
}

bool mon_lowcore(struct session *s, const char *args, struct text *out)
{
    uint8_t lowcore[LOWCORE_SIZE];
    unsigned cpu;
    if (!take_cpu(s, args, &cpu, out))
        return true;
    if (machine_read_memory(s->target->machine, cpu, SPACE_REAL, 0, lowcore, sizeof lowcore) !=
        sizeof lowcore) {
        put(out, "The prefix area of CPU %u cannot be read: memory is too small for it.\n", cpu);
        return true;
    }
    put(out, "CPU %u, prefix 0x%llx\n", cpu, (unsigned long long)reg_value(s, cpu, REG_PREFIX));
    put_fields(lowcore, out);
    put_zeros(lowcore, out);
    return true;
}
