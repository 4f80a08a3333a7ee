// SPDX-License-Identifier: GPL-2.0-or-later
/* Access-register mode: four address spaces in which the virtual page SHARED (0x1f000000) has frames of their own, which hold
 * 512 times the same number. Primary, secondary and home are those of CR1, CR7 and CR13; the fourth is reached by access lists only. The
 * first MiB is itself in all but home, so that a breakpoint here is one of the primary space. Each pass loads the access registers,
 * enters access-register mode (SAC 512) and reads SHARED by ARs 5 (ALET 0), 6 (ALET 1), 3 (the dispatchable unit's access list: the
 * fourth space) and 8 (the primary space's access list: the same, fetch-only). Symbols: guest_main; access_ready() (all tables are
 * there, no key was set); ar_mode (in access-register mode, the four are in r10 to r13); pass_done() (DAT off); seen[4]; frames[4][512];
 * protected_page and no_execute_page (virtual, primary space; the frames are frames[0]); key_seen (what ISKE says of frames[3], which
 * has key 0x30). AR 9 has a token whose entry is invalid, AR 10 one with another sequence number. */

#define SHARED 0x1f000000UL
#define PSW_PRIMARY 0x0400000180000000UL
#define INVALID 0x400UL
#define PROTECTED 0x200UL
#define NO_EXECUTE 0x100UL
#define SEGMENT_INVALID 0x20UL
#define SECONDARY_SPACE_CONTROL 0x04000000UL /* CR0 bit 37 */

#define SEQUENCE 0x5aU
#define ASTE_SEQUENCE 7
#define ALET(number) (SEQUENCE << 16 | (number))
#define PRIMARY_ALET(number) (1U << 24 | ALET(number))

long run_in(unsigned long mask, unsigned long address, long argument);
extern char read_by_ars[];

unsigned long frames[4][512] __attribute__((aligned(4096)));
static unsigned long segments[4][512] __attribute__((aligned(4096)));
static unsigned long low_pages[256] __attribute__((aligned(2048)));
static unsigned long pages[4][256] __attribute__((aligned(2048)));

struct ale {
    unsigned flags, reserved, aste, sequence;
};
struct aste {
    unsigned authority, index;
    unsigned long asce;
    unsigned access_list, sequence, unused[10];
};
static struct aste aste __attribute__((aligned(64)));
static struct aste primary_aste __attribute__((aligned(64)));
static unsigned duct[16] __attribute__((aligned(64)));
static struct ale unit_list[8] __attribute__((aligned(128)));
static struct ale primary_list[8] __attribute__((aligned(128)));
static unsigned char authority[4] __attribute__((aligned(4))) = {0x10}; /* secondary, of index 1 */

unsigned alets[16] = {[3] = ALET(2), [6] = 1, [8] = PRIMARY_ALET(5), [9] = ALET(3), [10] = ALET(2) ^ 0x10000};
volatile unsigned long seen[4], key_seen;
const unsigned long protected_page = SHARED + 0x1000, no_execute_page = SHARED + 0x2000;

asm(".pushsection .text\n"
    ".globl read_by_ars, ar_mode\n"
    "read_by_ars: stmg %r6,%r15,48(%r15)\n"
    " larl %r1,alets\n"
    " lam %a0,%a15,0(%r1)\n"
    " larl %r4,seen\n"
    " lgr %r5,%r2\n lgr %r6,%r2\n lgr %r3,%r2\n lgr %r8,%r2\n"
    " sac 512\n"
    " lg %r10,0(%r5)\n lg %r11,0(%r6)\n lg %r12,0(%r3)\n lg %r13,0(%r8)\n"
    "ar_mode: sac 0\n"
    " stmg %r10,%r13,0(%r4)\n"
    " lmg %r6,%r15,48(%r15)\n"
    " br %r14\n"
    ".popsection");

__attribute__((noinline)) void access_ready(void)
{
    asm volatile("");
}

__attribute__((noinline)) void pass_done(void)
{
    asm volatile("");
}

static void build_spaces(void)
{
    for (unsigned long i = 0; i < 256; i++)
        low_pages[i] = i << 12;
    for (int space = 0; space < 4; space++) {
        for (int i = 0; i < 512; i++) {
            segments[space][i] = SEGMENT_INVALID;
            frames[space][i] = 0x1111111111111111UL * (space + 1);
        }
        for (int i = 0; i < 256; i++)
            pages[space][i] = INVALID;
        if (space != 2)
            segments[space][0] = (unsigned long) low_pages;
        segments[space][SHARED >> 20] = (unsigned long) pages[space];
        pages[space][0] = (unsigned long) frames[space];
    }
    pages[0][1] = (unsigned long) frames[0] | PROTECTED;
    pages[0][2] = (unsigned long) frames[0] | NO_EXECUTE;
}

static unsigned real(void *at)
{
    return (unsigned) (unsigned long) at;
}

static void build_lists(void)
{
    aste.authority = real(authority);
    aste.asce = (unsigned long) segments[3];
    aste.sequence = ASTE_SEQUENCE;
    duct[4] = real(unit_list);
    primary_aste.access_list = real(primary_list);
    for (int i = 0; i < 8; i++)
        unit_list[i].flags = primary_list[i].flags = 1U << 31; /* invalid */
    unit_list[2] = (struct ale){SEQUENCE << 16 | 1U << 24 | 9, 0, real(&aste), ASTE_SEQUENCE}; /* private to 9; we are 1 */
    primary_list[5] = (struct ale){SEQUENCE << 16 | 1U << 25, 0, real(&aste), ASTE_SEQUENCE};  /* fetch-only */
}

static void load_controls(void)
{
    unsigned long cr0, cr1 = (unsigned long) segments[0], cr7 = (unsigned long) segments[1], cr13 = (unsigned long) segments[2];
    unsigned long cr2 = (unsigned long) duct, cr5 = (unsigned long) &primary_aste, cr8 = 1 << 16;

    asm volatile("stctg %%c0,%%c0,%0" : "=QS"(cr0));
    cr0 |= SECONDARY_SPACE_CONTROL;
    asm volatile("lctlg %%c0,%%c0,%0" : : "QS"(cr0));
    asm volatile("lctlg %%c1,%%c1,%0\n\tlctlg %%c7,%%c7,%1\n\tlctlg %%c13,%%c13,%2" : : "QS"(cr1), "QS"(cr7), "QS"(cr13));
    asm volatile("lctlg %%c2,%%c2,%0\n\tlctlg %%c5,%%c5,%1\n\tlctlg %%c8,%%c8,%2" : : "QS"(cr2), "QS"(cr5), "QS"(cr8));
}

static void set_key(void)
{
    unsigned long key = 0x30;

    asm volatile("sske %0,%1" : : "d"(key), "a"(frames[3]));
    key = 0;
    asm volatile("iske %0,%1" : "+d"(key) : "a"(frames[3]));
    key_seen = key;
}

void guest_main(void)
{
    build_spaces();
    build_lists();
    load_controls();
    access_ready();
    set_key();
    for (;;) {
        run_in(PSW_PRIMARY, (unsigned long) read_by_ars, SHARED);
        pass_done();
    }
}
