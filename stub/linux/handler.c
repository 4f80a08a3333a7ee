/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was interrupted when a CPU stands in the kernel's first-level handler of an interruption
 * (arch/s390/kernel/entry.S), which has still to put the registers on a stack: the old PSW, and r14 and r15
 * where the handler has them. */
#include "internal.h"
#include "zgdbd/bytes.h"

#define LC_RESTART_OLD_PSW 0x120u /* of each class, 16 bytes to each: restart, external, SVC... */
#define LC_RESTART_NEW_PSW 0x1a0u
#define CLASSES 6u
#define LC_BYTES 0x400u

#define HANDLER_BYTES 0x400u /* they have some 0x100 */

struct handler {
    uint8_t code[HANDLER_BYTES + 6];
    size_t len;
    size_t at; /* of pc in it */
};

/* The old PSW of the class whose new PSW leads to the handler. */
static bool find_old_psw(const uint8_t *lowcore, uint64_t entry, struct psw *psw)
{
    for (unsigned i = 0; i < CLASSES; i++) {
        const uint8_t *old = lowcore + LC_RESTART_OLD_PSW + 16 * i;
        if (load_be64(lowcore + LC_RESTART_NEW_PSW + 16 * i + 8) != entry)
            continue;
        *psw = (struct psw){load_be64(old), load_be64(old + 8)};
        return true;
    }
    return false;
}

static bool calls(const uint8_t *insn)
{
    return insn[0] == 0xc0 && insn[1] == 0xe5; /* BRASL %r14 */
}

/* The last call is the one of what is written in C. Behind it the old PSW may be that of another
 * interruption. */
static bool has_called(const struct handler *h)
{
    for (size_t at = h->at; at < h->len; at += insn_length(h->code[at]))
        if (calls(h->code + at))
            return false;
    return true;
}

/* Where in the lowcore it has saved r14 and r15, one behind the other; 0 if it has not. */
static size_t saved_at(const struct handler *h)
{
    for (size_t at = 0; at < h->at; at += insn_length(h->code[at])) {
        const uint8_t *insn = h->code + at;
        unsigned first = insn[1] >> 4;
        size_t place = load_be16(insn + 2) + 8 * (14 - first);
        bool stmg = insn[0] == 0xeb && insn[5] == 0x24 && insn[4] == 0 && insn[2] >> 4 == 0;
        if (stmg && first <= 14 && (insn[1] & 15) == 15 && place + 16 <= LC_BYTES)
            return place;
    }
    return 0;
}

bool linux_interrupted(struct linux_guest *g, unsigned cpu, const struct linux_symbol *handler, uint64_t pc,
                       struct linux_interrupted *i)
{
    uint8_t lowcore[LC_BYTES];
    struct handler h = {.at = pc - handler->addr};
    size_t place;
    if (h.at >= HANDLER_BYTES || handler->size > HANDLER_BYTES ||
        !linux_read_lowcore(g, cpu, lowcore, sizeof lowcore) ||
        !find_old_psw(lowcore, handler->addr, &i->psw))
        return false;
    h.len = linux_read(g, handler->addr, h.code, handler->size);
    if (h.len <= h.at || has_called(&h))
        return false;
    place = saved_at(&h);
    if (place) {
        i->r14 = load_be64(lowcore + place);
        i->r15 = load_be64(lowcore + place + 8);
    }
    return true;
}
