/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The word of storage that the plan watches, in which a guest tells how far it is. It is compared before each
 * entry into the guest, and while it is awaited a timer sees to it that there is one every few milliseconds:
 * PER, which has one range and compares logical addresses, could watch it through whatever alias the guest
 * uses only at a great cost. While DAT is off there is but one address, and PER watches that if it has
 * nothing else to do. */
#include "internal.h"
#include "zgdbd/bytes.h"

#define WORD_BYTES 8

void word_adopt(struct kvm_machine *m, const struct resume_plan *plan)
{
    m->word = plan->word;
    m->word.wanted &= m->word.absolute + WORD_BYTES <= m->memory.size;
    for (unsigned i = 0; i < m->base.ncpus; i++)
        m->cpu[i].word_due = false;
}

static bool changed(const struct kvm_machine *m)
{
    return load_be64(m->memory.base + m->word.absolute) != m->word.seen;
}

/* Whether the CPU is to stop before it enters the guest. */
bool word_news(struct vcpu *cpu, struct stop *stop)
{
    const struct kvm_machine *m = cpu->m;

    if (!m->word.wanted || !(changed(m) || (m->word.again && cpu->word_due)))
        return false;
    stop_at(cpu, stop, STOP_WORD, "a word of storage that is watched has changed");
    stop->addr = m->word.absolute;
    return true;
}

static bool watchable(const struct vcpu *cpu)
{
    return !(cpu->run->psw_mask & PSW_DAT) && cpu->run->s.regs.prefix == 0;
}

/* The entry of PER for the word, for a CPU for which it has nothing else to do. Returns how many. */
unsigned word_watch(struct vcpu *cpu, struct kvm_hw_breakpoint *hw)
{
    const struct kvm_machine *m = cpu->m;

    cpu->word_watched =
        m->word.wanted && m->word.seen == 0 && watchable(cpu) && (m->base.caps & MACHINE_CAN_HW_BREAK);
    if (!cpu->word_watched)
        return 0;
    *hw = (struct kvm_hw_breakpoint){
        .addr = m->word.absolute, .phys_addr = m->word.absolute, .len = WORD_BYTES, .type = KVM_HW_WP_WRITE};
    return 1;
}

/* At each look at intervals: true if the CPU is to apply its breakpoints again, because PER watches in vain.
 */
bool word_look(struct vcpu *cpu)
{
    cpu->word_due = true;
    return cpu->word_watched && !watchable(cpu);
}
