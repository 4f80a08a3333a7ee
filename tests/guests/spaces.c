// SPDX-License-Identifier: GPL-2.0-or-later
/* Two address spaces: home (CR13, "kernel") and primary (CR1, "user"). The virtual page SHARED has another frame in each,
 * ALIAS in home is SHARED's frame again, LATE is mapped in home only after the first pass. The first MiB is itself
 * in both. Each pass calls SHARED in home, SHARED in primary, ALIAS in home, then LATE if it is mapped. SHARED, ALIAS and
 * LATE (0x1f000000, 0x1f001000, 0x1f002000) lie beyond the storage, so they mean nothing while DAT is off. Symbols: guest_main;
 * spaces_ready() (tables and control registers are loaded, DAT off); pass_done() (after each pass); frame_kernel,
 * frame_user, frame_late and their second instructions frame_*_second; kernel_result, user_result, alias_result, late_result,
 * passes. */

#define SHARED 0x1f000000UL
#define ALIAS (SHARED + 0x1000)
#define LATE (SHARED + 0x2000)
#define PSW_HOME 0x0400c00180000000UL
#define PSW_PRIMARY 0x0400000180000000UL
#define INVALID 0x400UL
#define SEGMENT_INVALID 0x20UL

extern char frame_kernel[], frame_user[], frame_late[];
long run_in(unsigned long mask, unsigned long address, long argument);

static unsigned long home_segments[512] __attribute__((aligned(4096)));
static unsigned long user_segments[512] __attribute__((aligned(4096)));
static unsigned long low_pages[256] __attribute__((aligned(2048)));
static unsigned long home_pages[256] __attribute__((aligned(2048)));
static unsigned long user_pages[256] __attribute__((aligned(2048)));
volatile long kernel_result, user_result, alias_result, late_result, passes;

/* Each adds to r2 what tells it from the others. */
asm(".pushsection .text\n"
    ".balign 4096\n"
    ".globl frame_kernel, frame_kernel_second, frame_user, frame_user_second, frame_late, frame_late_second\n"
    "frame_kernel: aghi %r2,1\n"
    "frame_kernel_second: aghi %r2,1\n br %r14\n"
    ".balign 4096\n"
    "frame_user: aghi %r2,100\n"
    "frame_user_second: aghi %r2,100\n br %r14\n"
    ".balign 4096\n"
    "frame_late: aghi %r2,1000\n"
    "frame_late_second: aghi %r2,1000\n br %r14\n"
    ".balign 4096\n"
    ".popsection");

static void build(unsigned long *segments, unsigned long *pages)
{
    for (int i = 0; i < 512; i++)
        segments[i] = SEGMENT_INVALID;
    for (int i = 0; i < 256; i++)
        pages[i] = INVALID;
    segments[0] = (unsigned long) low_pages;
    segments[SHARED >> 20] = (unsigned long) pages;
}

__attribute__((noinline)) void spaces_ready(void)
{
    asm volatile("");
}

__attribute__((noinline)) void pass_done(void)
{
    asm volatile("");
}

void guest_main(void)
{
    unsigned long home, primary;

    for (unsigned long i = 0; i < 256; i++)
        low_pages[i] = i << 12;
    build(home_segments, home_pages);
    build(user_segments, user_pages);
    home_pages[0] = home_pages[1] = (unsigned long) frame_kernel;
    user_pages[0] = (unsigned long) frame_user;
    home = (unsigned long) home_segments;
    primary = (unsigned long) user_segments;
    asm volatile("lctlg %%c13,%%c13,%0\n\tlctlg %%c1,%%c1,%1\n\tlctlg %%c7,%%c7,%1" : : "QS"(home), "QS"(primary));
    spaces_ready();
    for (;;) {
        kernel_result = run_in(PSW_HOME, SHARED, 0);
        user_result = run_in(PSW_PRIMARY, SHARED, 0);
        alias_result = run_in(PSW_HOME, ALIAS, 0);
        if (passes > 0) {
            home_pages[2] = (unsigned long) frame_late;
            late_result = run_in(PSW_HOME, LATE, 0);
        }
        passes++;
        pass_done();
    }
}
