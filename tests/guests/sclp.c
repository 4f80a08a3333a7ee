// SPDX-License-Identifier: GPL-2.0-or-later
/* Uses the service-call processor as an operating system does. Its arguments are words:
 *   vt220, line    opens these consoles, says "ready" on each, and gives every typed line back where it was
 *                  typed, behind "echo: "; at a signal quiesce it says "quiesce" and shuts down
 *   table          makes the calls of a table, most of them wrong, and tells condition code and response, or
 *                  the program interruption, of each; then shuts down
 * Symbols: guest_main, waiting (an enabled wait begins there), param (of the last service signal). */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define READ_SCP_INFO 0x00020001
#define READ_CPU_INFO 0x00010001
#define WRITE_EVENT_DATA 0x00760005
#define READ_EVENT_DATA 0x00770005
#define WRITE_EVENT_MASK 0x00780005

#define COMMANDS 0x80000000u /* event masks */
#define MESSAGES 0x40000000u
#define VT220 0x40u
#define QUIESCE 0x8u

extern volatile u64 pgm_count, pgm_code;

volatile u32 param;
static int pending; /* a service signal has said that an event is */

static u8 page[4096] __attribute__((aligned(4096)));

/* ---- service calls ---- */

static void enable_service_signal(void)
{
    static const u64 cr0 = 0x40200;

    asm volatile("lctlg %%c0,%%c0,%0" : : "Q"(cr0));
}

/* Waits for a service signal; the handler ends the wait. */
static __attribute__((noinline)) void wait_signal(void)
{
    static u64 psw[2] = {0x0102000180000000};

    asm volatile("   larl %%r1,1f\n"
                 "   stg  %%r1,8(%0)\n"
                 "   .globl waiting\n"
                 "waiting: lpswe 0(%0)\n"
                 "1: l    %%r1,0x80(%%r0)\n"
                 "   strl %%r1,param\n"
                 :
                 : "a"(psw)
                 : "r1", "cc", "memory");
    pending |= param & 1;
}

/* Condition code, or the program interruption's code times 16. */
static int service_call(u32 command, u64 sccb)
{
    u64 count = pgm_count;
    int cc;

    do {
        asm volatile(".insn rre,0xb2200000,%1,%2\n"
                     "ipm %0\n"
                     "srl %0,28"
                     : "=&d"(cc)
                     : "d"(command), "d"(sccb)
                     : "cc", "memory");
        if (pgm_count != count)
            return (int)pgm_code * 16;
    } while (cc == 2);
    if (!cc)
        do
            wait_signal();
        while ((param & ~7u) != sccb);
    return cc;
}

static void put(unsigned at, unsigned bytes, u64 value)
{
    while (bytes--) {
        page[at + bytes] = (u8)value;
        value >>= 8;
    }
}

static u16 get16(const u8 *p)
{
    return (u16)(p[0] << 8 | p[1]);
}

static void clear(void)
{
    for (unsigned i = 0; i < sizeof page; i++)
        page[i] = 0;
}

/* ---- output ---- */

static unsigned length_of(const char *s)
{
    unsigned n = 0;

    while (s[n])
        n++;
    return n;
}

static void print_vt220(const char *text, const u8 *more, unsigned nmore)
{
    unsigned n = length_of(text);

    clear();
    put(0, 2, 14 + n + nmore + 2);
    put(8, 2, 6 + n + nmore + 2);
    page[10] = 0x1a;
    for (unsigned i = 0; i < n; i++)
        page[14 + i] = (u8)text[i];
    for (unsigned i = 0; i < nmore; i++)
        page[14 + n + i] = more[i];
    page[14 + n + nmore] = '\r';
    page[15 + n + nmore] = '\n';
    service_call(WRITE_EVENT_DATA, (u64)page);
}

/* Of letters, colon and blank. */
static u8 ebcdic(char c)
{
    if (c < 'a')
        return c == ':' ? 0x7a : 0x40;
    return (u8)(c < 'j' ? 0x81 + c - 'a' : c < 's' ? 0x91 + c - 'j' : 0xa2 + c - 's');
}

/* A message of one line: header of the event, of the data block, of the text. */
static void print_line(const char *text, const u8 *more, unsigned nmore)
{
    unsigned n = length_of(text) + nmore;

    clear();
    put(0, 2, 36 + n);
    put(8, 2, 28 + n);
    page[10] = 2;
    put(14, 2, 22 + n);
    put(16, 2, 1);
    put(18, 4, 0xd4c4c240);
    put(22, 4, 1);
    put(26, 2, 10 + n);
    put(28, 2, 4);
    put(30, 2, 0x1000);
    for (unsigned i = 0; i < n - nmore; i++)
        page[36 + i] = ebcdic(text[i]);
    for (unsigned i = 0; i < nmore; i++)
        page[36 + n - nmore + i] = more[i];
    service_call(WRITE_EVENT_DATA, (u64)page);
}

/* ---- the echo ---- */

static u32 receives;

static void open_consoles(u32 receive, u32 send)
{
    clear();
    put(0, 2, 28);
    put(10, 2, 4);
    put(12, 4, receive);
    put(16, 4, send);
    service_call(WRITE_EVENT_MASK, (u64)page);
    receives = receive;
}

static void say(const char *text)
{
    if (receives & VT220)
        print_vt220(text, 0, 0);
    if (receives & COMMANDS)
        print_line(text, 0, 0);
}

static u8 typed[8192];
static unsigned ntyped;

static void take_vt220(const u8 *text, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (text[i] != '\n' && text[i] != '\r') {
            typed[ntyped++ % sizeof typed] = text[i];
            continue;
        }
        print_vt220("echo: ", typed, ntyped);
        ntyped = 0;
    }
}

/* Reads all events; returns 1 if one of them is a quiesce. Events are copied first: output needs the page. */
static int take_events(void)
{
    static u8 events[4096];
    int quiesce = 0;

    do {
        unsigned end;

        pending = 0;
        clear();
        put(0, 2, 4096);
        page[5] = 0x80;
        service_call(READ_EVENT_DATA, (u64)page);
        if (get16(page + 6) != 0x20)
            break;
        end = get16(page);
        for (unsigned i = 0; i < end; i++)
            events[i] = page[i];
        for (unsigned at = 8; at < end; at += get16(events + at)) {
            const u8 *event = events + at;

            if (event[2] == 0x1a && event[6] == 0)
                take_vt220(event + 7, get16(event) - 7u);
            else if (event[2] == 1 && event[18 + 3] == 0x30) /* three vectors, two subvectors */
                print_line("echo: ", event + 22, event[18 + 2] - 2u);
            else if (event[2] == 0x1d)
                quiesce = 1;
        }
    } while (pending);
    return quiesce;
}

static void echo(u32 receive, u32 send)
{
    open_consoles(receive | QUIESCE, send);
    say("ready");
    for (;;) {
        while (!pending)
            wait_signal();
        if (take_events())
            break;
    }
    say("quiesce");
}

/* ---- the table ---- */

static const struct call {
    const char *name;
    u32 command;
    u64 sccb; /* 0: the page; less than 8: the page and this */
    u16 length;
    u8 function;
    u8 ndata;
    u8 data[24]; /* from byte 8 on */
} calls[] = {
    {"information", READ_SCP_INFO, 0, 4096, 0, 0, {0}},
    {"information, forced", 0x00120001, 0, 4096, 0, 0, {0}},
    {"CPUs", READ_CPU_INFO, 0, 4096, 0, 0, {0}},
    {"bits that do not belong to the code", 0x0002ff01, 0, 4096, 0, 0, {0}},
    {"not aligned", READ_SCP_INFO, 4, 4096, 0, 0, {0}},
    {"lowcore", READ_SCP_INFO, 0x1000, 0, 0, 0, {0}},
    {"from 2 GiB on", READ_SCP_INFO, 0x80000000, 0, 0, 0, {0}},
    {"outside of memory", READ_SCP_INFO, 0x7ffff000, 0, 0, 0, {0}},
    {"length 0", READ_SCP_INFO, 0, 0, 0, 0, {0}},
    {"length 7", READ_SCP_INFO, 0, 7, 0, 0, {0}},
    {"over a page", READ_SCP_INFO, 0, 4097, 0, 0, {0}},
    {"over a page, unknown command", 0x00030001, 0, 4097, 0, 0, {0}},
    {"unknown command", 0x00760006, 0, 8, 0, 0, {0}},
    {"too short for information", READ_SCP_INFO, 0, 128 + 15, 0, 0, {0}},
    {"too short for CPUs", READ_CPU_INFO, 0, 24 + 15, 0, 0, {0}},
    {"no masks", WRITE_EVENT_MASK, 0, 11, 0, 0, {0}},
    {"masks of 0 bytes", WRITE_EVENT_MASK, 0, 4096, 0, 4, {0, 0, 0, 0}},
    {"masks of 1022 bytes", WRITE_EVENT_MASK, 0, 4096, 0, 4, {0, 0, 3, 0xfe}},
    {"masks of 1021 bytes", WRITE_EVENT_MASK, 0, 4096, 0, 4, {0, 0, 3, 0xfd}},
    {"masks that are cut off", WRITE_EVENT_MASK, 0, 27, 0, 4, {0, 0, 0, 4}},
    {"masks of 1 byte", WRITE_EVENT_MASK, 0, 16, 0, 4, {0, 0, 0, 1}},
    {"selection without masks", READ_EVENT_DATA, 0, 4096, 1, 4, {0, 0, 0, 0x40}},
    {"masks of 4 bytes", WRITE_EVENT_MASK, 0, 28, 0, 8, {0, 0, 0, 4, 0, 0, 0, 0x48}},
    {"write, function 1", WRITE_EVENT_DATA, 0, 8, 1, 0, {0}},
    {"write of nothing", WRITE_EVENT_DATA, 0, 8, 0, 0, {0}},
    {"event of 5 bytes", WRITE_EVENT_DATA, 0, 14, 0, 3, {0, 5, 0x1a}},
    {"event past the SCCB", WRITE_EVENT_DATA, 0, 14, 0, 3, {0, 7, 0x1a}},
    {"half an event", WRITE_EVENT_DATA, 0, 13, 0, 3, {0, 6, 0x1a}},
    {"event that is not offered", WRITE_EVENT_DATA, 0, 14, 0, 3, {0, 6, 0x0c}},
    {"message without data block", WRITE_EVENT_DATA, 0, 14, 0, 3, {0, 6, 2}},
    {"message past its event", WRITE_EVENT_DATA, 0, 26, 0, 8, {0, 18, 2, 0, 0, 0, 0, 13}},
    {"object past its message", WRITE_EVENT_DATA, 0, 30, 0, 22, {0, 22, 2, 0, 0, 0, 0, 16, 0, 1, 0,
                                                                 0, 0,  0, 0, 0, 0, 0, 0,  5, 0, 1}},
    {"read, function 2", READ_EVENT_DATA, 0, 4096, 2, 0, {0}},
    {"read of nothing", READ_EVENT_DATA, 0, 4096, 0, 0, {0}},
    {"read, length 8", READ_EVENT_DATA, 0, 8, 0, 0, {0}},
    {"selection of nothing", READ_EVENT_DATA, 0, 4096, 1, 4, {0, 0, 0, 0}},
    {"selection of what is not received", READ_EVENT_DATA, 0, 4096, 1, 4, {0x80, 0, 0, 0}},
    {"selection that is cut off", READ_EVENT_DATA, 0, 11, 1, 4, {0, 0, 0, 0x40}},
};

static void run(const struct call *c)
{
    static char text[80];
    unsigned n = 0;
    int cc;

    clear();
    put(0, 2, c->length);
    page[2] = c->function;
    for (unsigned i = 0; i < c->ndata; i++)
        page[8 + i] = c->data[i];
    cc = service_call(c->command, c->sccb < 8 ? (u64)page + c->sccb : c->sccb);
    for (const char *p = c->name; *p; p++)
        text[n++] = *p;
    for (const char *p = cc < 16 ? ": cc " : ": program "; *p; p++)
        text[n++] = *p;
    text[n++] = (char)('0' + (cc < 16 ? cc : cc / 16));
    if (cc < 16) {
        text[n++] = ' ';
        for (int shift = 12; shift >= 0; shift -= 4)
            text[n++] = "0123456789abcdef"[get16(page + 6) >> shift & 15];
    }
    text[n] = 0;
    print_vt220(text, 0, 0);
}

void guest_main(void)
{
    const char *word = (const char *)0x10480;
    u32 receive = 0, send = 0;

    enable_service_signal();
    for (; *word; word++) {
        if (word[0] == 't' && word[1] == 'a') {
            for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++)
                run(&calls[i]);
            return;
        }
        if (word[0] == 'v' && word[1] == 't') {
            receive |= VT220;
            send |= VT220;
        }
        if (word[0] == 'l' && word[1] == 'i') {
            receive |= COMMANDS;
            send |= MESSAGES;
        }
    }
    echo(receive, send);
}
