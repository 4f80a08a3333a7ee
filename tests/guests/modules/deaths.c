// SPDX-License-Identifier: GPL-2.0-or-later
/* A module of a Linux guest that kills it: insmod deaths.ko how=WAY [cpu=N] [irq=1], the ways being below. cpu=N does it in a
 * kernel thread on that CPU, irq=1 in a timer's interruption; else in insmod itself. What dies stands in a function
 * die_by_WAY, which a report has to name. What would only end the process is a panic with oops=panic on the kernel's command
 * line. */
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>

#define PSW_ENABLED_EXTERNAL 0x0100000000000000ul
#define PSW_DISABLED_WAIT 0x0002000180000000ul
#define LOWCORE_BYTES 8192
#define EXTERNAL_NEW_PSW 0x1b0
#define PROGRAM_NEW_PSW 0x1d0

static char *how = "";
module_param(how, charp, 0);
static int cpu = -1;
module_param(cpu, int, 0);
static int irq;
module_param(irq, int, 0);

/* Real storage; the compiler is not to know that it is at address 0. */
static unsigned long *lowcore(unsigned long offset)
{
    unsigned long cr0;

    asm volatile("stctg 0,0,%0" : "=Q"(cr0));
    cr0 &= ~CR0_LOW_ADDRESS_PROTECTION;
    asm volatile("lctlg 0,0,%0" : : "Q"(cr0));
    asm volatile("" : "+a"(offset));
    return (unsigned long *)offset;
}

static noinline void die_by_panic(void)
{
    panic("deaths: that is enough");
}

static noinline void die_by_bug(void)
{
    BUG();
}

/* Low-address protection; what is read there would be the lowcore. */
static noinline void die_by_null(void)
{
    int *nothing = NULL;

    asm volatile("" : "+a"(nothing));
    WRITE_ONCE(*nothing, 1);
}

/* An address that no table translates, such as lies in memory that was freed. */
static noinline void die_by_wild(void)
{
    unsigned long *freed = (unsigned long *)0x6b6b6b6b6b6b6000ul;

    asm volatile("" : "+a"(freed));
    READ_ONCE(*freed);
}

static noinline int deeper(int level)
{
    volatile char room[400];

    room[level % sizeof(room)] = 1;
    return level < 0 ? 0 : deeper(level + 1) + room[0];
}

static noinline void die_by_overflow(void)
{
    deeper(0);
}

static noinline void load_psw(unsigned long mask, unsigned long addr)
{
    psw_t psw = {.mask = mask, .addr = addr};

    asm volatile("lpswe %0" : : "Q"(psw) : "cc", "memory");
}

static noinline void die_by_wait(void)
{
    load_psw(PSW_DISABLED_WAIT, _THIS_IP_);
    barrier();
}

static noinline void die_by_loop(void)
{
    local_irq_disable();
    for (;;)
        barrier();
}

/* A program new PSW that is none: every specification exception brings the next. */
static noinline void die_by_pgmloop(void)
{
    local_irq_disable();
    lowcore(PROGRAM_NEW_PSW)[0] = 0x00ff000000000000ul;
    lowcore(PROGRAM_NEW_PSW)[1] = 0x1111111111111111ul;
    asm volatile(".long 0");
}

/* One that designates no memory, so that its instruction cannot be fetched, again and again. */
static noinline void die_by_addrloop(void)
{
    local_irq_disable();
    lowcore(PROGRAM_NEW_PSW)[0] = PSW_KERNEL_BITS & ~PSW_MASK_DAT;
    lowcore(PROGRAM_NEW_PSW)[1] = 0x7ffffff000ul;
    asm volatile(".long 0");
}

/* One that designates an operation code that does not exist. */
static noinline void die_by_oploop(void)
{
    unsigned long there;

    local_irq_disable();
    asm volatile("larl %0,0f" : "=a"(there));
    lowcore(PROGRAM_NEW_PSW)[0] = PSW_KERNEL_BITS | PSW_MASK_DAT;
    lowcore(PROGRAM_NEW_PSW)[1] = there;
    asm volatile("0: .long 0xb9ff0000");
}

/* An external new PSW that is enabled for the clock comparator, whose time is over and remains so. */
static noinline void die_by_extloop(void)
{
    unsigned long past = 0;

    local_irq_disable();
    lowcore(EXTERNAL_NEW_PSW)[0] |= PSW_ENABLED_EXTERNAL;
    asm volatile("sckc %0" : : "Q"(past));
    local_irq_enable();
    for (;;)
        barrier();
}

/* The kernel knows nothing any more, neither its task nor where its stacks are. */
static noinline void die_by_garbage(void)
{
    unsigned long n, value = 0x5a5aa5a5deadbeeful, *area = lowcore(0);

    local_irq_disable();
    for (n = 0; n < LOWCORE_BYTES / sizeof(*area); n++) {
        area[n] = value;
        value = value * 6364136223846793005ul + 1442695040888963407ul;
    }
    asm volatile(".long 0");
}

static const struct {
    const char *name;
    void (*die)(void);
} ways[] = {
    {"panic", die_by_panic}, {"bug", die_by_bug}, {"null", die_by_null}, {"wild", die_by_wild},
    {"overflow", die_by_overflow}, {"wait", die_by_wait}, {"loop", die_by_loop}, {"pgmloop", die_by_pgmloop},
    {"addrloop", die_by_addrloop},
    {"oploop", die_by_oploop}, {"extloop", die_by_extloop}, {"garbage", die_by_garbage},
};

static noinline int die(void *unused)
{
    size_t n;

    for (n = 0; n < ARRAY_SIZE(ways); n++)
        if (!strcmp(how, ways[n].name))
            ways[n].die();
    return -EINVAL;
}

static enum hrtimer_restart die_in_interruption(struct hrtimer *timer)
{
    die(NULL);
    return HRTIMER_NORESTART;
}

static struct hrtimer timer;

static int __init deaths_init(void)
{
    struct task_struct *thread;

    if (irq) {
        hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
        timer.function = die_in_interruption;
        hrtimer_start(&timer, ms_to_ktime(10), HRTIMER_MODE_REL);
        return 0;
    }
    if (cpu < 0)
        return die(NULL);
    thread = kthread_create(die, NULL, "deaths");
    if (IS_ERR(thread))
        return PTR_ERR(thread);
    kthread_bind(thread, cpu);
    wake_up_process(thread);
    return 0;
}
module_init(deaths_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Ways in which a kernel dies");
