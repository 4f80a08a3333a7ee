// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints its arguments and its initrd's size and sum of bytes, found where Linux's parameter area has them, and ends with an
 * orderly shutdown. Built with LOW (lowargs), it lies at 0x10000 and has that area in itself, as the programs do that QEMU
 * gives arguments to. Symbols: guest_main; finished() (all is printed). */

#ifdef LOW
__asm__(".section .head, \"ax\"\n"
        ".globl low_start\n"
        "low_start: j _start\n"
        ".org 0x1000\n"
        ".text\n");
#endif

void sclp_open(void);
void sclp_call(unsigned long command, void *sccb);

/* A WRITE EVENT DATA with one message for the VT220 console. */
static struct {
    unsigned short length;
    unsigned char function, control[3];
    unsigned short response;
    unsigned short event_length;
    unsigned char type, flags;
    unsigned short reserved;
    char text[2048];
} sccb __attribute__((aligned(4096))) = {.type = 0x1a};

static unsigned used;

static void put(char c)
{
    if (used < sizeof(sccb.text))
        sccb.text[used++] = c;
}

static void print(const char *text)
{
    while (*text)
        put(*text++);
}

static void print_number(unsigned long n)
{
    if (n > 9)
        print_number(n / 10);
    put('0' + n % 10);
}

__attribute__((noinline)) void finished(void)
{
    __asm__ volatile("");
}

/* What a constant address points to the compiler takes for an object of no size. */
static volatile void *at(unsigned long address)
{
    __asm__("" : "+r"(address));
    return (volatile void *)address;
}

void guest_main(void)
{
    volatile unsigned long *initrd = at(0x10408);
    volatile unsigned char *bytes = (volatile unsigned char *)initrd[0];
    unsigned long sum = 0;

    for (unsigned long i = 0; i < initrd[1]; i++)
        sum += bytes[i];
    print("arguments: ");
    print((const char *)at(0x10480));
    print("\r\ninitrd: ");
    print_number(initrd[1]);
    print(" bytes, sum ");
    print_number(sum);
    print("\r\n");
    sccb.length = 14 + used;
    sccb.event_length = 6 + used;
    sclp_open();
    sclp_call(0x00760005, &sccb);
    finished();
}
