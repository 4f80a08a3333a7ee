/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit trace's names of exits, and its ring but for what is done at every exit. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "zgdbd/trace.h"

/* ---- names ---- */

static const char *const exit_names[EXIT_KINDS] = {
    [EXIT_DEBUG] = "debug",
    [EXIT_SERVICE_CALL] = "service call",
    [EXIT_DIAG] = "diag",
    [EXIT_SIGP] = "sigp",
    [EXIT_INSTRUCTION] = "other instruction",
    [EXIT_OPERATION] = "operation exception",
    [EXIT_WAIT] = "disabled wait",
    [EXIT_STOP] = "stop",
    [EXIT_LOOP] = "interruption loop",
    [EXIT_RESET] = "reset",
    [EXIT_KICK] = "kick",
    [EXIT_ELSE] = "other",
};

const char *exit_kind_name(enum exit_kind kind)
{
    return kind < EXIT_KINDS ? exit_names[kind] : "unknown";
}

/* Whether the name begins with these characters. */
static bool begins(const char *name, const char *typed, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (name[i] != (typed[i] == '-' ? ' ' : tolower((unsigned char)typed[i])))
            return false;
    return true;
}

static int kind_named(const char *typed, size_t len)
{
    int found = -1;

    for (int kind = 0; kind < EXIT_KINDS; kind++) {
        if (!begins(exit_names[kind], typed, len))
            continue;
        if (!exit_names[kind][len])
            return kind;
        found = found == -1 ? kind : -2;
    }
    return found;
}

static void list_names(char *list, size_t size)
{
    size_t at = 0;

    for (int kind = 0; kind < EXIT_KINDS; kind++) {
        for (const char *c = exit_names[kind]; *c && at + 3 < size; c++)
            list[at++] = (char)(*c == ' ' ? '-' : *c);
        if (kind + 1 < EXIT_KINDS && at + 3 < size) {
            list[at++] = ',';
            list[at++] = ' ';
        }
    }
    list[at] = '\0';
}

int exit_kinds_parse(const char *text, unsigned *kinds, struct err *e)
{
    static const char dividers[] = " \t,";
    char list[200];
    size_t len;

    *kinds = 0;
    for (text += strspn(text, dividers); *text; text += len + strspn(text + len, dividers)) {
        int kind = kind_named(text, len = strcspn(text, dividers));

        if (kind < 0) {
            list_names(list, sizeof list);
            return err_set(e, EXIT_USAGE, "%.*s: %s; exits are %s", len < 40 ? (int)len : 40, text,
                           kind == -2 ? "several exits are called so" : "no exit is called so", list);
        }
        *kinds |= 1u << kind;
    }
    return 0;
}

/* ---- the ring ---- */

_Static_assert(TRACE_WORDS == 7 && TRACE_WORDS * sizeof(uint64_t) == offsetof(struct exit_record, number),
               "a record and its sequence number fill 64 bytes");

/* A record that so many came behind is not waited for any more: its writer has given it up. */
#define PATIENCE 1024u

int trace_ring_make(struct trace_ring *r, struct err *e)
{
    size_t size = TRACE_RECORDS * sizeof *r->place;

    if (!r->place && !(r->place = aligned_alloc(sizeof *r->place, size)))
        return err_set(e, EXIT_OTHER, "no memory for the last %d exits", TRACE_RECORDS);
    if (atomic_load(&r->tickets) == 0)
        memset(r->place, 0, size); /* no CPU is to find a page that is not there yet */
    return 0;
}

void trace_ring_free(struct trace_ring *r)
{
    free(r->place);
    r->place = NULL;
}

enum found {
    FOUND_RECORD,
    FOUND_NOTHING_YET,
    FOUND_LOST,
};

static enum found take(const struct trace_ring *r, uint64_t number, struct exit_record *out)
{
    const struct trace_place *p = &r->place[number % TRACE_RECORDS];
    uint64_t sequence = atomic_load_explicit(&p->sequence, memory_order_acquire);
    uint64_t word[TRACE_WORDS];

    if (sequence != trace_complete(number))
        return sequence < trace_complete(number) ? FOUND_NOTHING_YET : FOUND_LOST;
    for (size_t i = 0; i < TRACE_WORDS; i++)
        word[i] = atomic_load_explicit(&p->word[i], memory_order_acquire);
    if (atomic_load_explicit(&p->sequence, memory_order_relaxed) != sequence)
        return FOUND_LOST;
    memcpy(out, word, sizeof word);
    out->number = number;
    return FOUND_RECORD;
}

size_t trace_ring_read(const struct trace_ring *r, bool settled, uint64_t *next, struct exit_record *out,
                       size_t max)
{
    uint64_t end = atomic_load_explicit(&r->tickets, memory_order_relaxed);
    uint64_t number = *next < end ? *next : end;
    size_t n = 0;

    if (end - number > TRACE_RECORDS)
        number = end - TRACE_RECORDS;
    for (; n < max && number < end; number++) {
        enum found found = take(r, number, &out[n]);

        if (found == FOUND_NOTHING_YET && !settled && end - number <= PATIENCE)
            break;
        n += found == FOUND_RECORD;
    }
    *next = number;
    return n;
}
