/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is watched: where, and the bytes that were there when it was looked at last. A change is found out by
 * comparing, whoever made it, and is a CPU's that notices it first: it then counts as seen. KVM compares on
 * its own, with a copy for each CPU that may be older than ours. */
#include <stdio.h>
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

/* ---- what is told of a change ---- */

#define VALUE_BYTES 8

/* The bytes of this part: as a debugger sees them now, or as they were seen last. */
static void bytes_of(const struct vcpu *cpu, const struct watch *w, bool now, uint8_t *bytes)
{
    if (now)
        look(cpu, w, bytes);
    else
        memcpy(bytes, w->old, w->len);
}

/* The number in the first 8 (or fewer) watched bytes, big endian. Its parts are in the order of addresses. */
uint64_t watch_value(const struct vcpu *cpu, const struct breakpoint *bp, bool now)
{
    const struct kvm_machine *m = cpu->m;
    uint64_t value = 0;
    unsigned n = 0;

    for (const struct watch *w = m->watch; w < m->watch + m->nwatch; w++) {
        uint8_t bytes[WATCH_BYTES_MAX];

        if (w->bp != bp)
            continue;
        bytes_of(cpu, w, now, bytes);
        for (size_t i = 0; i < w->len && n < VALUE_BYTES; i++, n++)
            value = value << 8 | bytes[i];
    }
    return value;
}

/* The bytes from the first that has changed on, up to the last one that is in the same part. */
struct change {
    uint64_t differ; /* how many have changed, of all */
    uint64_t addr;
    size_t n; /* shown */
    char old[2 * VALUE_BYTES + 1], now[2 * VALUE_BYTES + 1];
};

static void to_hex(const uint8_t *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void add_change(const struct vcpu *cpu, const struct watch *w, struct change *c)
{
    size_t first = w->len, last = 0;
    uint8_t now[WATCH_BYTES_MAX];

    look(cpu, w, now);
    for (size_t i = 0; i < w->len; i++)
        if (now[i] != w->old[i]) {
            first = first < i ? first : i;
            last = i;
            c->differ++;
        }
    if (first == w->len || c->n)
        return;
    c->addr = w->addr + first;
    c->n = last - first < VALUE_BYTES ? last - first + 1 : VALUE_BYTES;
    to_hex(w->old + first, c->n, c->old);
    to_hex(now + first, c->n, c->now);
}

/* What has changed of this watchpoint, in words: the value, or of one that is longer where and what. */
void watch_describe(const struct vcpu *cpu, const struct breakpoint *bp, char *text, size_t size)
{
    const struct kvm_machine *m = cpu->m;
    unsigned long long addr = bp->addr;
    struct change c = {.differ = 0};

    if (bp->len <= VALUE_BYTES) {
        snprintf(text, size, "watchpoint at 0x%llx: 0x%llx was 0x%llx", addr,
                 (unsigned long long)watch_value(cpu, bp, true),
                 (unsigned long long)watch_value(cpu, bp, false));
        return;
    }
    for (const struct watch *w = m->watch; w < m->watch + m->nwatch; w++)
        if (w->bp == bp)
            add_change(cpu, w, &c);
    snprintf(text, size, "watchpoint at 0x%llx, %llu bytes: %llu changed; 0x%llx: %s was %s", addr,
             (unsigned long long)bp->len, (unsigned long long)c.differ, (unsigned long long)c.addr, c.now,
             c.old);
}

/* Whether a debugger that shows values may not show what has changed. */
bool watch_is_long(const struct breakpoint *bp)
{
    return bp->len > VALUE_BYTES;
}
