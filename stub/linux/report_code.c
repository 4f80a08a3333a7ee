/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The panic report's part on code: the instructions around a PSW's address, read from the space that the PSW
 * means. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zgdbd/disassemble.h"
#include "zgdbd/words.h"

#define BEFORE 8u /* instructions */
#define AFTER 4u
#define AFTER_BYTES (6u * (1 + AFTER))
#define FUNCTION_MAX                                                                                         \
    4096u             /* bytes from a function's beginning on that are gone through to find instructions */
#define LOOK_BACK 64u /* where no beginning is known */
#define PAGE 4096u

struct code {
    uint64_t addr;
    size_t n;    /* bytes that could be read */
    size_t at;   /* where the PSW's address is in them */
    bool begins; /* an instruction begins at the first */
    uint8_t bytes[FUNCTION_MAX + AFTER_BYTES];
};

/* The space in which instructions are fetched with this PSW. Of a program of Linux that was interrupted, the
 * kernel has the space in control register 7. */
static enum mem_space space_of(const struct report *r, struct psw psw)
{
    if (!(psw.mask & PSW_DAT))
        return SPACE_REAL;
    if ((psw.mask & PSW_ASC) == PSW_ASC_HOME)
        return SPACE_HOME;
    return r->facts->state == LINUX_READABLE && (psw.mask & PSW_PSTATE) ? SPACE_SECONDARY : SPACE_PRIMARY;
}

/* Where the kernel has a symbol its own space is meant, also with a PSW that has translation off: so is the
 * one with which it ends. */
static void read_code(const struct report *r, unsigned cpu, struct psw psw, bool kernel, struct code *c)
{
    size_t want = c->at + AFTER_BYTES;

    c->n = kernel ? linux_read(r->g, c->addr, c->bytes, want)
                  : machine_read_memory(r->m, cpu, space_of(r, psw), c->addr, c->bytes, want);
}

/* From the function's beginning, if that is near; else from a little before, but not from a page before,
 * which may not be there. */
static void find_code(const struct report *r, unsigned cpu, struct psw psw, struct code *c)
{
    struct linux_symbol s;
    bool kernel = !(psw.mask & PSW_PSTATE) && linux_symbol_at(r->g, psw.addr, &s);
    uint64_t back = psw.addr < LOOK_BACK ? psw.addr & ~1ULL : LOOK_BACK;

    c->begins = kernel && psw.addr - s.addr <= FUNCTION_MAX;
    c->at = c->begins ? psw.addr - s.addr : back;
    c->addr = psw.addr - c->at;
    read_code(r, cpu, psw, kernel, c);
    if (c->n > c->at)
        return;
    c->begins = false;
    c->at = psw.addr % PAGE < LOOK_BACK ? psw.addr % PAGE : LOOK_BACK;
    c->addr = psw.addr - c->at;
    read_code(r, cpu, psw, kernel, c);
}

static void say_insn(struct report *r, const struct insn_line *line, const char *mark)
{
    char bytes[16], target[REPORT_PLACE_BYTES] = "";
    struct words w = {bytes, sizeof bytes, 0};
    struct linux_symbol s;

    bytes[0] = 0;
    for (unsigned i = 0; i < line->length; i++)
        words_add(&w, "%s%02x", i && i % 2 == 0 ? " " : "", line->bytes[i]);
    /* Behind an object's name there may be anything, constants without a name above all. */
    if (line->has_target && linux_symbol_at(r->g, line->target, &s) &&
        (linux_is_code(&s) || line->target == s.addr))
        snprintf(target, sizeof target, "  <%.80s+0x%" PRIx64 ">", s.name, line->target - s.addr);
    report_say(r, "  %s %016" PRIx64 "  %-14s  %s%s", mark, line->addr, bytes, line->text, target);
}

void report_code(struct report *r, unsigned cpu, struct psw psw, unsigned before)
{
    struct insn_line lines[BEFORE + 1 + AFTER];
    char place[REPORT_PLACE_BYTES];
    struct code c;
    size_t from, n;

    psw.addr = psw_wrap(psw.mask, psw.addr);
    find_code(r, cpu, psw, &c);
    report_gap(r);
    report_place(r, psw.addr, place, sizeof place);
    if (c.n <= c.at) {
        report_say(r, "Code at %s: cannot be read%s", place,
                   psw.mask & PSW_DAT ? ", the address does not translate" : ", no memory is there");
        return;
    }
    if (psw.addr & 1) {
        report_say(r, "Code at %s: none, the address is odd", place);
        return;
    }
    report_say(r, "Code at %s:", place);
    from = disassemble_from(c.bytes, c.at, c.begins, BEFORE);
    n = disassemble(c.bytes + from, c.n - from, c.addr + from, lines, BEFORE + 1 + AFTER);
    for (size_t i = 0, behind = 0; i < n && behind <= AFTER; i++) {
        behind += lines[i].addr >= psw.addr;
        say_insn(r, &lines[i],
                 lines[i].addr == psw.addr                                                            ? "=>"
                 : before && lines[i].addr + lines[i].length == psw.addr && lines[i].length == before ? "->"
                                                                                                      : "  ");
    }
}
