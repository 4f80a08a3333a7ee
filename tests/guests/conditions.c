// SPDX-License-Identifier: GPL-2.0-or-later
/* A loop over records with names and pointers, for conditions of breakpoints and watchpoints. It goes on until the
 * debugger sets `rounds` lower. Symbols: rounds, total (changes in each round), items, stray (a pointer to where no memory
 * is); visit(), which each round calls with the next item; finished(), at the end. */

struct item {
    const char *name;
    long visits;
    struct item *next;
} items[4] = {
    {"alpha", 0, &items[1]},
    {"beta", 0, &items[2]},
    {"gamma", 0, &items[3]},
    {"delta", 0, &items[0]},
};

volatile long rounds = 2000;
volatile long total;
struct item *volatile stray = (struct item *)0x7fff00000000;

__attribute__((noinline)) void visit(struct item *item, long number)
{
    item->visits++;
    total += number;
}

__attribute__((noinline)) void finished(void)
{
    __asm__ volatile("");
}

void guest_main(void)
{
    struct item *item = items;
    for (long number = 0; number < rounds; number++) {
        visit(item, number);
        item = item->next;
    }
    finished();
}
