// SPDX-License-Identifier: GPL-2.0-or-later
/* A program without an operating system that dies in the way that its command line names: wait (a disabled wait), loop (for
 * ever, interruptions are off), pgmloop (a program new PSW that is none), addrloop (one outside of memory), oploop (one that
 * designates an invalid operation code), extloop (an external new PSW enabled for the clock comparator), garbage (in all of the
 * lowcore). Anything else is an orderly shutdown. Symbols: die_by_WAY; x_wait, x_loop and x_oploop, the instructions where the CPU
 * stands or would go on. */

#define COMMAND_LINE 0x10480
#define LOWCORE_BYTES 8192
#define EXTERNAL_NEW_PSW 0x1b0
#define PROGRAM_NEW_PSW 0x1d0
#define MASK_64 0x0000000180000000ul
#define MASK_WAIT 0x0002000000000000ul
#define MASK_EXTERNAL 0x0100000000000000ul
#define CR0_CLOCK_COMPARATOR 0x800ul

struct psw {
    unsigned long mask, addr;
};

extern char x_wait[], x_oploop[];

/* What a constant address points to the compiler takes for an object of no size. */
static volatile void *at(unsigned long address)
{
    __asm__("" : "+r"(address));
    return (volatile void *)address;
}

static void load_psw(struct psw psw)
{
    __asm__ volatile("lpswe %0" : : "Q"(psw) : "cc", "memory");
}

static void new_psw(unsigned long at_real, struct psw psw)
{
    *(volatile struct psw *)at(at_real) = psw;
}

static void program_check(void)
{
    __asm__ volatile(".long 0");
}

__attribute__((noinline)) void die_by_wait(void)
{
    load_psw((struct psw){MASK_64 | MASK_WAIT, (unsigned long)x_wait});
    __asm__ volatile(".globl x_wait\nx_wait: nopr %r7");
}

__attribute__((noinline)) void die_by_loop(void)
{
    __asm__ volatile(".globl x_loop\nx_loop: aghi %%r1,1\n j x_loop" : : : "1", "cc");
}

__attribute__((noinline)) void die_by_pgmloop(void)
{
    new_psw(PROGRAM_NEW_PSW, (struct psw){0x00ff000000000000ul, 0x1111111111111111ul});
    program_check();
}

__attribute__((noinline)) void die_by_addrloop(void)
{
    new_psw(PROGRAM_NEW_PSW, (struct psw){MASK_64, 0x7ffffff000ul});
    program_check();
}

__attribute__((noinline)) void die_by_oploop(void)
{
    new_psw(PROGRAM_NEW_PSW, (struct psw){MASK_64, (unsigned long)x_oploop});
    __asm__ volatile(".globl x_oploop\nx_oploop: .long 0xb9ff0000");
}

__attribute__((noinline)) void die_by_extloop(void)
{
    unsigned long cr0, past = 0;

    __asm__ volatile("stctg 0,0,%0" : "=Q"(cr0));
    cr0 |= CR0_CLOCK_COMPARATOR;
    __asm__ volatile("lctlg 0,0,%0" : : "Q"(cr0));
    __asm__ volatile("sckc %0" : : "Q"(past));
    new_psw(EXTERNAL_NEW_PSW, (struct psw){MASK_64 | MASK_EXTERNAL, (unsigned long)x_wait});
    load_psw((struct psw){MASK_64 | MASK_EXTERNAL, (unsigned long)x_wait});
}

__attribute__((noinline)) void die_by_garbage(void)
{
    volatile unsigned long *area = at(0);
    unsigned long value = 0x5a5aa5a5deadbeeful;

    for (unsigned i = 0; i < LOWCORE_BYTES / sizeof *area; i++) {
        area[i] = value;
        value = value * 6364136223846793005ul + 1442695040888963407ul;
    }
    program_check();
}

static int is(const char *name)
{
    const volatile char *word = at(COMMAND_LINE);

    while (*name && *name == *word)
        name++, word++;
    return !*name && !*word;
}

static const struct {
    const char *name;
    void (*die)(void);
} ways[] = {
    {"wait", die_by_wait},     {"loop", die_by_loop},       {"pgmloop", die_by_pgmloop}, {"addrloop", die_by_addrloop},
    {"oploop", die_by_oploop}, {"extloop", die_by_extloop}, {"garbage", die_by_garbage},
};

void guest_main(void)
{
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
        if (is(ways[i].name))
            ways[i].die();
}
