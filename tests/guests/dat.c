// SPDX-License-Identifier: GPL-2.0-or-later
/* Address translation by all five table levels, with a prefix that is not zero. Fills the frames with their own addresses, turns
 * DAT on, reads each virtual address of dat_cases and keeps what it saw. Symbols: guest_main; dat_done() (DAT on; all was
 * read); dat_cases[] {virtual, absolute, seen}, dat_case_count of them; dat_edat (1 if 1 MiB frames were used: the last two
 * cases); dat_prefix; dat_hole (first byte of an invalid page behind a valid one). */

typedef unsigned long u64;

#define TYPE_R1 0xcUL
#define TYPE_R2 0x8UL
#define TYPE_R3 0x4UL
#define ENTRY_INVALID 0x20UL
#define PAGE_INVALID 0x400UL
#define PAGE_PROTECTED 0x200UL
#define SEGMENT_FRAME 0x400UL
#define PREFIX 0x80000UL
#define PATTERNS 0x00200000UL /* frames of 4 KiB */
#define BIG_FRAME 0x00300000UL
#define VIRTUAL ((1UL << 53) | (2UL << 42) | (3UL << 31) | (4UL << 20))

struct dat_case {
    u64 virtual;
    u64 absolute;
    u64 seen;
};
volatile struct dat_case dat_cases[] = {
    {VIRTUAL | 5 << 12, PATTERNS, 0},                        /* an ordinary page */
    {(VIRTUAL | 5 << 12) + 0xff8, PATTERNS + 0xff8, 0},      /* its last doubleword */
    {VIRTUAL | 7 << 12, PATTERNS + 0x1000, 0},               /* a protected page */
    {VIRTUAL | 8 << 12, PATTERNS + 0x3000, 0},               /* neighbours in another order */
    {VIRTUAL | 9 << 12, PATTERNS + 0x2000, 0},
    {(VIRTUAL | 10 << 12) + 0x500, PREFIX + 0x500, 0},       /* real page 0 is the prefix area */
    {(VIRTUAL | 11 << 12) + 0x500, 0x500, 0},                /* the real prefix area is absolute 0 */
    {VIRTUAL + (1UL << 20) + 0x12340, BIG_FRAME + 0x12340, 0}, /* a 1 MiB frame */
    {VIRTUAL + (2UL << 20) + 0x500, 0x500, 0},               /* a 1 MiB frame over absolute 0: no prefixing */
};
const int dat_case_count = sizeof(dat_cases) / sizeof(dat_cases[0]);
const u64 dat_hole = VIRTUAL | 6 << 12;
const u64 dat_prefix = PREFIX;
volatile int dat_edat;

static u64 region1[512] __attribute__((aligned(4096)));
static u64 region2[2][512] __attribute__((aligned(4096)));
static u64 region3[2][512] __attribute__((aligned(4096)));
static u64 segments[2][512] __attribute__((aligned(4096)));
static u64 pages[4][256] __attribute__((aligned(2048)));

__attribute__((noinline)) void dat_done(void)
{
    asm volatile("");
}

/* A place in the storage that the compiler takes for no object. */
static volatile u64 *storage(u64 address)
{
    asm("" : "+r"(address));
    return (volatile u64 *) address;
}

static void fill(u64 address, u64 bytes)
{
    for (u64 at = address; at < address + bytes; at += 8)
        *storage(at) = at;
}

/* The lowcore moves to PREFIX; absolute and real 0x500 get values that tell them apart. */
static void set_prefix(void)
{
    unsigned prefix = PREFIX;

    for (u64 at = 0; at < 0x2000; at += 8)
        *storage(PREFIX + at) = *storage(at);
    *storage(0x500) = 0x500;
    *storage(PREFIX + 0x500) = PREFIX + 0x500;
    asm volatile("spx %0" : : "Q"(prefix) : "memory");
}

static void link_tables(u64 *r1, int which)
{
    for (int i = 0; i < 512; i++) {
        region2[which][i] = ENTRY_INVALID | TYPE_R2;
        region3[which][i] = ENTRY_INVALID | TYPE_R3;
        segments[which][i] = ENTRY_INVALID;
    }
    *r1 = (u64) region2[which] | TYPE_R1;
    region2[which][which ? 2 : 0] = (u64) region3[which] | TYPE_R2;
    region3[which][which ? 3 : 0] = (u64) segments[which] | TYPE_R3;
}

static void build(void)
{
    for (int i = 0; i < 512; i++)
        region1[i] = ENTRY_INVALID | TYPE_R1;
    link_tables(&region1[0], 0);
    link_tables(&region1[1], 1);
    for (u64 i = 0; i < 256; i++) {
        pages[0][i] = i << 12; /* the first MiB is itself */
        pages[1][i] = PAGE_INVALID;
    }
    segments[0][0] = (u64) pages[0];
    segments[1][4] = (u64) pages[1];
    pages[1][5] = PATTERNS;
    pages[1][7] = (PATTERNS + 0x1000) | PAGE_PROTECTED;
    pages[1][8] = PATTERNS + 0x3000;
    pages[1][9] = PATTERNS + 0x2000;
    pages[1][10] = 0;
    pages[1][11] = PREFIX;
    segments[1][5] = BIG_FRAME | SEGMENT_FRAME;
    segments[1][6] = SEGMENT_FRAME;
}

static void enable_edat(void)
{
    u64 cr0;

    asm volatile("stfl 0" : : : "memory");
    dat_edat = *storage(0xc8) >> 55 & 1; /* facility 8 */
    if (!dat_edat)
        return;
    asm volatile("stctg %%c0,%%c0,%0" : "=QS"(cr0));
    cr0 |= 0x800000;
    asm volatile("lctlg %%c0,%%c0,%0" : : "QS"(cr0));
}

void guest_main(void)
{
    u64 asce = (u64) region1 | TYPE_R1;
    int count;

    set_prefix();
    fill(PATTERNS, 0x4000);
    fill(BIG_FRAME, 0x100000);
    build();
    enable_edat();
    count = dat_edat ? dat_case_count : dat_case_count - 2;
    asm volatile("lctlg %%c1,%%c1,%0" : : "QS"(asce) : "memory");
    asm volatile("stosm 0x600,0x04" : : : "memory"); /* DAT on */
    for (int i = 0; i < count; i++)
        dat_cases[i].seen = *storage(dat_cases[i].virtual);
    dat_done();
    asm volatile("stnsm 0x600,0xfb" : : : "memory");
}
