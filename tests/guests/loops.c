// SPDX-License-Identifier: GPL-2.0-or-later
/* C with debug information, for what steps by source lines: loops that are one line each, calls within calls, recursion,
 * and a loop without end. Symbols: guest_main; rounds (how often loop() goes round), inner (the same for calls()), total;
 * loop(), calls(), deeper(), endless() (until `go_on` is 0, set by the debugger), add_up(). */

volatile long rounds = 500;
volatile long inner = 3;
volatile long total;
volatile long go_on = 1;

__attribute__((noinline)) long loop(void)
{
    total = 0;
    for (long i = rounds; i > 0; i--) total = total + i;
    return total;
}

__attribute__((noinline)) long add_up(long a, long b)
{
    return a + b;
}

__attribute__((noinline)) long calls(void)
{
    long sum = 0;
    for (long i = 0; i < inner; i++)
        sum = add_up(sum, i);
    total = sum;
    return sum;
}

__attribute__((noinline)) long deeper(long n)
{
    if (n == 0)
        return total;
    long below = deeper(n - 1);
    return below + 1;
}

__attribute__((noinline)) void endless(void)
{
    while (go_on) total++;
    total = 0;
}

void guest_main(void)
{
    loop();
    calls();
    deeper(5);
    endless();
    total = -1;
}
