// SPDX-License-Identifier: GPL-2.0-or-later
/* C with debug information: functions to step through and finish, a loop, recursion, globals to watch. Ends with an orderly
 * shutdown. Symbols: guest_main; watched, total, answer, message (written by the debugger, summed up into
 * message_sum); twice(), add(), factorial(), sum_message(). */

volatile long watched;
volatile long total;
volatile long answer;
volatile long message_sum;
volatile unsigned char message[16] = "unchanged";
struct point {
    int x;
    int y;
} volatile point = {3, -4};

__attribute__((noinline)) long twice(long value)
{
    long result = value * 2;
    return result;
}

__attribute__((noinline)) long add(long a, long b)
{
    total = a + b;
    return a + b;
}

__attribute__((noinline)) long factorial(long n)
{
    if (n <= 1)
        return 1;
    return n * factorial(n - 1);
}

__attribute__((noinline)) long sum_message(void)
{
    long sum = 0;
    for (unsigned i = 0; i < sizeof(message); i++)
        sum += message[i];
    return sum;
}

void guest_main(void)
{
    for (long i = 1; i <= 5; i++) {
        long doubled = twice(i);
        watched = add(watched, doubled);
    }
    answer = factorial(6);
    message_sum = sum_message();
    point.x = point.y;
}
