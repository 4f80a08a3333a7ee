/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The panic report's part on interruptions: what the prefix area of the CPU says of its last program
 * interruption, if that makes sense, and why a new PSW leads nowhere. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/dat.h"
#include "zgdbd/interruption.h"
#include "zgdbd/lowcore.h"
#include "zgdbd/words.h"

/* Where the prefix lies outside of memory, a CPU has no prefix area, whatever is at absolute 0. */
static bool prefix_is_outside(const struct report *r, uint64_t *prefix)
{
    return report_reg(r, r->in->cpu, REG_PREFIX, prefix) &&
           (*prefix > r->m->memory || r->m->memory - *prefix < LOWCORE_SIZE);
}

static bool read_lowcore(const struct report *r, uint8_t *lowcore)
{
    uint64_t prefix;

    return !prefix_is_outside(r, &prefix) &&
           machine_read_memory(r->m, r->in->cpu, SPACE_REAL, 0, lowcore, LC_INTERRUPTION_BYTES) ==
               LC_INTERRUPTION_BYTES;
}

static bool psw_plausible(struct psw psw)
{
    char text[600];

    return (psw.mask || psw.addr) && !psw_faults(psw, text, sizeof text)[0];
}

/* ---- the last program interruption ---- */

/* A CPU that never had one has zeros there; one whose storage was overwritten has anything. */
static bool program_plausible(const struct interruption *i)
{
    return code_name(CODES_PROGRAM, i->code & ~(PGM_CODE_PER | PGM_CODE_TRANSACTION)) && i->ilc &&
           psw_plausible(i->old_psw);
}

/* Of these the old PSW designates the instruction itself (Principles, chapter 5, "Types of Instruction
 * Ending": nullification). */
static bool nullifies(uint32_t code)
{
    uint32_t base = code & ~(PGM_CODE_PER | PGM_CODE_TRANSACTION);

    return base == PGM_SEGMENT_TRANSLATION || base == PGM_PAGE_TRANSLATION ||
           (base >= PGM_ALEN_TRANSLATION && base <= PGM_EXTENDED_AUTHORITY) ||
           (base >= PGM_ASCE_TYPE && base <= PGM_REGION_THIRD_TRANSLATION);
}

static void say_program(struct report *r, const struct interruption *i)
{
    uint64_t here = report_psw(r, r->in->cpu).addr; /* its code has been told */
    char text[192], place[REPORT_PLACE_BYTES];
    unsigned before;

    report_gap(r);
    report_say(r, "Last program interruption of CPU %u (it may be older than the end):", r->in->cpu);
    report_say(r, "  code 0x%04x (%s), ILC %u", i->code, program_code_text(i->code, text, sizeof text),
               i->ilc);
    if (translation_exception_text(i->code, i->teid, text, sizeof text)[0])
        report_say(r, "  translation-exception address %s", text);
    if (i->last_break > 1)
        report_say(r, "  last breaking event %s", report_place(r, i->last_break, place, sizeof place));
    report_say(r, "  old PSW %s", psw_describe(i->old_psw, text, sizeof text));
    before = nullifies(i->code) ? 0 : i->ilc;
    if (i->old_psw.addr != here && i->old_psw.addr - before != here)
        report_code(r, r->in->cpu, i->old_psw, before);
}

/* ---- a new PSW that leads nowhere ---- */

/* As instructions are fetched with this PSW; false if the engine has no such view of memory. */
static bool fetch_context(const struct report *r, struct psw psw, struct dat_context *ctx)
{
    bool has = machine_dat_context(r->m, r->in->cpu, ctx);

    if (has)
        ctx->psw_mask = psw.mask;
    return has;
}

static bool fetch_fails(const struct report *r, struct psw psw)
{
    struct dat_context ctx;
    struct dat_result at;

    return fetch_context(r, psw, &ctx) && dat_translate(&ctx, SPACE_CODE, psw.addr, &at);
}

/* Why no instruction can be fetched there, or none is there. */
static void say_fetch(struct report *r, struct psw psw)
{
    struct dat_context ctx;
    struct dat_result at;
    uint8_t bytes[2];
    char text[80];
    int code;

    if (!fetch_context(r, psw, &ctx))
        return;
    code = dat_translate(&ctx, SPACE_CODE, psw.addr, &at);
    if (code)
        report_say(r, "    no instruction can be fetched from its address: 0x%02x (%s)", (unsigned)code,
                   program_code_text((uint32_t)code, text, sizeof text));
    else if (dat_read(&ctx, SPACE_CODE, psw.addr, bytes, sizeof bytes) == sizeof bytes && !load_be16(bytes))
        report_say(r, "    no instruction is at its address: 0000");
}

/* Subclass masks of control register 0 for what may interrupt again and again. */
static void say_external(struct report *r, uint32_t last)
{
    static const struct {
        uint64_t mask;
        const char *name;
    } subclasses[] = {{0x800, "clock comparator"}, {0x400, "CPU timer"}, {0x200, "service signal"}};
    char open[80] = "";
    struct words w = {open, sizeof open, 0};
    uint64_t cr0;

    report_reg(r, r->in->cpu, REG_C0, &cr0);
    for (size_t i = 0; i < sizeof subclasses / sizeof *subclasses; i++)
        if (cr0 & subclasses[i].mask)
            words_add(&w, "%s%s", w.len ? ", " : "", subclasses[i].name);
    report_say(r, "    it is enabled for external interruptions, and control register 0 for: %s", open);
    if (last)
        report_say(r, "    the last one had the code 0x%04x (%s)", last,
                   code_name(CODES_EXTERNAL, last) ? code_name(CODES_EXTERNAL, last) : "unknown");
}

static void say_new_psw(struct report *r, const char *name, const uint8_t *lowcore,
                        enum interruption_class class)
{
    struct interruption i;
    char text[600];

    interruption_read(class, lowcore, &i);
    report_say(r, "  %s new PSW %s", name, psw_describe(i.new_psw, text, sizeof text));
    for (const char *at = psw_faults(i.new_psw, text, sizeof text); *at;) {
        size_t len = strcspn(at, "\n");

        report_say(r, "    %.*s", (int)len, at);
        at += len + (at[len] == '\n');
    }
    if (class == INTERRUPTION_EXTERNAL && (i.new_psw.mask & PSW_EXT))
        say_external(r, i.code);
    else
        say_fetch(r, i.new_psw);
}

static void say_loop(struct report *r, const uint8_t *lowcore)
{
    report_gap(r);
    report_say(r, "The loop of CPU %u:", r->in->cpu);
    if (r->loop == LOOP_EXTERNAL)
        say_new_psw(r, "external", lowcore, INTERRUPTION_EXTERNAL);
    else
        say_new_psw(r, "program", lowcore, INTERRUPTION_PROGRAM);
}

/* Where fetching from the program new PSW's address is an exception, the CPU goes on for ever, and nothing of
 * it is seen from outside. */
static bool fetches_for_ever(const struct report *r, const struct interruption *i)
{
    struct psw psw = report_psw(r, r->in->cpu);

    return machine_state(r->m, r->in->cpu) == CPU_RUNNING &&
           psw_with_cc(psw.mask, 0) == psw_with_cc(i->new_psw.mask, 0) && fetch_fails(r, psw) &&
           fetch_fails(r, i->new_psw);
}

void report_find_loop(struct report *r)
{
    const struct stop *stop = r->in->stop;
    uint8_t lowcore[LC_INTERRUPTION_BYTES];
    bool told = stop && stop->reason == STOP_PROGRAM_LOOP && stop->cpu == r->in->cpu;
    struct interruption i;

    r->in_loop = told;
    r->loop = told ? stop->loop : LOOP_PROGRAM;
    if (!read_lowcore(r, lowcore))
        return;
    interruption_read(INTERRUPTION_PROGRAM, lowcore, &i);
    r->found = !told && fetches_for_ever(r, &i);
    r->in_loop = told || r->found;
    r->has_cause = told && r->loop == LOOP_PROGRAM && program_plausible(&i);
    r->cause = i.old_psw;
}

void report_interruptions(struct report *r)
{
    uint8_t lowcore[LC_INTERRUPTION_BYTES];
    struct interruption i;
    uint64_t prefix;

    if (prefix_is_outside(r, &prefix)) {
        report_gap(r);
        report_say(r, "The prefix area of CPU %u, at 0x%" PRIx64 ", lies outside of memory.", r->in->cpu,
                   prefix);
    }
    if (!read_lowcore(r, lowcore))
        return;
    if (r->in_loop)
        say_loop(r, lowcore);
    interruption_read(INTERRUPTION_PROGRAM, lowcore, &i);
    if (program_plausible(&i))
        say_program(r, &i);
}
