/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is watched: where, and the bytes that were there when it was looked at last. A change is found out by
 * comparing, whoever made it, and is a CPU's that notices it first: it then counts as seen. KVM compares on
 * its own, with a copy for each CPU that may be older than ours. */
#include <string.h>

#include "internal.h"

/* The bytes that a debugger sees there now. */
static void look(const struct vcpu *cpu, const struct watch *w, uint8_t *bytes)
{
    memcpy(bytes, cpu->m->memory.base + w->absolute, w->len);
    traps_hide(cpu, w->absolute, bytes, w->len);
    opcodes_hide(cpu->m, w->absolute, bytes, w->len);
}

static void take(const struct vcpu *cpu, struct watch *w)
{
    look(cpu, w, w->old);
    memcpy(w->raw, cpu->m->memory.base + w->absolute, w->len);
}

/* Opcodes and traps come and go, and are no change; mostly nothing has. */
static bool changed(const struct vcpu *cpu, const struct watch *w)
{
    uint8_t now[WATCH_BYTES_MAX];

    if (memcmp(w->raw, cpu->m->memory.base + w->absolute, w->len) == 0)
        return false;
    look(cpu, w, now);
    return memcmp(w->old, now, w->len) != 0;
}

static bool same_place(const struct watch *a, const struct watch *b)
{
    return a->absolute == b->absolute && a->addr == b->addr && a->len == b->len;
}

/* The parts now watched, of which only bp and places are filled in. What was watched before in the same place
 * remains to be compared with what was seen there then. */
void watch_set(const struct vcpu *cpu, const struct watch *parts, unsigned n)
{
    struct kvm_machine *m = cpu->m;
    struct watch before[HW_ENTRIES_MAX];
    unsigned nbefore = m->nwatch;

    memcpy(before, m->watch, nbefore * sizeof *before);
    m->nwatch = n;
    for (unsigned i = 0; i < n; i++) {
        struct watch *w = &m->watch[i];
        unsigned j = 0;

        *w = parts[i];
        while (j < nbefore && !same_place(w, &before[j]))
            j++;
        if (j == nbefore) {
            take(cpu, w);
            continue;
        }
        memcpy(w->old, before[j].old, w->len);
        memcpy(w->raw, before[j].raw, w->len);
    }
}

/* Opcodes or traps were put in or taken out: comparing is cheap again. */
void watch_refresh(const struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    for (struct watch *w = m->watch; w < m->watch + m->nwatch; w++)
        if (!changed(cpu, w))
            memcpy(w->raw, m->memory.base + w->absolute, w->len);
}

/* The first part from w on that has changed, or NULL. */
struct watch *watch_next(const struct vcpu *cpu, struct watch *w)
{
    struct kvm_machine *m = cpu->m;

    for (; w < m->watch + m->nwatch; w++)
        if (changed(cpu, w))
            return w;
    return NULL;
}

bool watch_changed(const struct vcpu *cpu)
{
    return watch_next(cpu, cpu->m->watch) != NULL;
}

/* All parts of this watchpoint are seen as they are now. */
void watch_seen(const struct vcpu *cpu, const struct breakpoint *bp)
{
    struct kvm_machine *m = cpu->m;

    for (struct watch *w = m->watch; w < m->watch + m->nwatch; w++)
        if (w->bp == bp)
            take(cpu, w);
}

static uint64_t number(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len && i < sizeof value; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The number in the first 8 (or fewer) watched bytes, big endian, as a debugger sees them now, */
uint64_t watch_value(const struct vcpu *cpu, const struct watch *w)
{
    uint8_t now[WATCH_BYTES_MAX];

    look(cpu, w, now);
    return number(now, w->len);
}

/* and as they were seen last. */
uint64_t watch_old_value(const struct watch *w)
{
    return number(w->old, w->len);
}
