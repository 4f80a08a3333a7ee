// SPDX-License-Identifier: GPL-2.0-or-later
/* Several CPUs: CPU 0 gives each of the others a prefix area and starts it by SIGP restart; then all go round the same
 * loop, in which each calls visit() and does what its cpu[].mode says. Set by the debugger, or left as it is:
 *   COUNT    counts cpu[].rounds
 *   LOCK     the same, and under a lock that all take: cpu[].locked and shared
 *   STORE    stores its address + 1 to watched, once
 *   WAIT     an enabled wait, which an external call or emergency signal ends (in COUNT); x_wait_after is its address
 *   STOP     stops itself by SIGP; goes on (in COUNT) behind x_stopped if it is started
 *   PANIC    a disabled wait at x_panic
 *   QUIT     the guest shuts down
 *   SPIN     a branch to itself at x_spin
 * CPU 0 moreover gives the SIGP `order` to CPU `target` with `parameter`, clears order, and counts `ordered`; order_cc and
 * order_status are the answer. ncpus is how many there are; ready counts those that have begun. CPU 0 calls all_up() when
 * all have, and at_goal() when each has gone cpu[].wanted rounds, if the debugger has set `goal`. */

enum mode { COUNT, LOCK, STORE, WAIT, STOP, PANIC, QUIT, SPIN };

#define CPUS 64
#define AREA 8192u
#define STACK 2048u
#define CR0 0x46000ul /* additional floating-point registers; emergency signal, external call */

volatile struct {
    long mode, rounds, locked, restarts, wanted;
} cpu[CPUS];
volatile long ncpus, ready, shared, lock_word, watched;
volatile long order, target, parameter, ordered, order_cc, order_status;
volatile long goal;

unsigned char areas[CPUS][AREA] __attribute__((aligned(AREA)));
unsigned char stacks[CPUS][STACK] __attribute__((aligned(8)));

enum { SENSE = 1, RESTART = 6, SET_PREFIX = 13 };

void begin(void);
void smp_main(long number);

/* A restarted CPU knows nothing but its address. */
__asm__(".text\n"
        ".globl begin\n"
        ".cfi_sections .debug_frame\n"
        "begin:\n"
        ".cfi_startproc\n"
        ".cfi_undefined %r14\n"
        "       stap    0x410\n"
        "       llgh    %r2, 0x410\n"
        "       sllg    %r1, %r2, 11\n"
        "       larl    %r15, stacks\n"
        "       la      %r15, 2048-160(%r1,%r15)\n"
        "       brasl   %r14, smp_main\n"
        ".cfi_endproc\n");

static long sigp(long number, long code, unsigned long *status)
{
    register unsigned long r1 __asm__("1") = *status;
    unsigned long cc;
    __asm__ volatile("sigp %1,%2,0(%3)\n ipm %0\n srlg %0,%0,28\n nill %0,3"
                     : "=&d"(cc), "+d"(r1)
                     : "d"(number), "a"(code)
                     : "cc", "memory");
    *status = r1;
    return (long)cc;
}

static void load_cr0(void)
{
    unsigned long cr0 = CR0;
    __asm__ volatile("lctlg 0,0,%0" : : "Q"(cr0));
}

static void start_others(void)
{
    unsigned long status = 0;
    for (ncpus = 1; ncpus < CPUS && sigp(ncpus, SENSE, &status) != 3; ncpus++) {
        unsigned char *area = areas[ncpus];
        unsigned long *restart_new = (unsigned long *)(area + 0x1a0);
        for (unsigned i = 0x1a0; i < 0x200; i++)
            area[i] = *(volatile unsigned char *)(unsigned long)i;
        restart_new[0] = 0x180000000;
        restart_new[1] = (unsigned long)begin;
        status = (unsigned long)area;
        sigp(ncpus, SET_PREFIX, &status);
        while (sigp(ncpus, RESTART, &status) == 2)
            ;
    }
}

static void locked_round(long number)
{
    unsigned expected;
    volatile unsigned *word = (volatile unsigned *)&lock_word;
    do {
        expected = 0;
        __asm__ volatile("cs %0,%2,%1" : "+d"(expected), "+Q"(*word) : "d"(1) : "cc", "memory");
    } while (expected);
    shared++;
    cpu[number].locked++;
    __asm__ volatile("bcr 15,0" : : : "memory");
    *word = 0;
}

static void load_psw(unsigned long mask, const void *address)
{
    volatile unsigned long psw[2] = {mask, (unsigned long)address};
    __asm__ volatile("lpswe %0" : : "Q"(psw) : "memory");
}

static void wait(void)
{
    unsigned long psw[2] = {0x0102000180000000, 0};
    __asm__ volatile("larl %%r1,x_wait_after\n stg %%r1,8(%0)\n lpswe 0(%0)\n .globl x_wait_after\nx_wait_after:\n"
                     :
                     : "a"(psw)
                     : "1", "cc", "memory");
}

__attribute__((noinline)) void visit(long number)
{
    cpu[number].rounds++;
}

static void once(long number, long mode)
{
    if (mode == STORE)
        watched = number + 1;
    else if (mode == WAIT)
        wait();
    else if (mode == STOP)
        __asm__ volatile("sigp %%r1,%0,5\n .globl x_stopped\nx_stopped:" : : "d"(number) : "1", "cc", "memory");
    cpu[number].mode = COUNT;
}

static void panic(long number)
{
    cpu[number].mode = COUNT; /* if it is restarted */
    __asm__ volatile("larl %%r1,x_panic_psw\n lpswe 0(%%r1)" : : : "1");
}

static void give_order(void)
{
    unsigned long status = (unsigned long)parameter;
    order_cc = sigp(target, order, &status);
    order_status = (long)status;
    order = 0;
    ordered++;
}

__attribute__((noinline)) void at_goal(void)
{
    __asm__ volatile("" : : : "memory");
}

static void look_at_goal(void)
{
    for (long i = 0; i < ncpus; i++)
        if (cpu[i].rounds < cpu[i].wanted)
            return;
    goal = 0;
    at_goal();
}

void smp_main(long number)
{
    load_cr0();
    cpu[number].restarts++;
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        long mode = cpu[number].mode;
        visit(number);
        if (number == 0 && order)
            give_order();
        if (number == 0 && goal)
            look_at_goal();
        if (mode == LOCK)
            locked_round(number);
        else if (mode == STORE || mode == WAIT || mode == STOP)
            once(number, mode);
        else if (mode == PANIC)
            panic(number);
        else if (mode == QUIT)
            load_psw(0x0002000180000000, (void *)0xfff);
        else if (mode == SPIN)
            __asm__ volatile(".globl x_spin\nx_spin: j x_spin");
    }
}

__asm__(".data\n .balign 8\nx_panic_psw: .quad 0x0002000180000000, x_panic\n .text\n"
        ".globl x_panic\nx_panic: nopr\n");

__attribute__((noinline)) void all_up(void)
{
    __asm__ volatile("" : : : "memory");
}

void guest_main(void)
{
    start_others();
    while (ready < ncpus - 1)
        ;
    all_up();
    smp_main(0);
}
