// SPDX-License-Identifier: GPL-2.0-or-later
/* kexec IMAGE INITRD COMMAND_LINE: a program for a Linux guest that starts another kernel in its place, by kexec_load(2) and
 * reboot(2): what kexec-tools do, in a file without libraries. IMAGE is a Linux image for s390x; where things go in it, and the
 * parameters at its start, are those of Linux arch/s390/include/asm/setup.h. */
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRY 0x10000 /* what precedes it in the file is a boot record */
#define INITRD_START 0x10408
#define INITRD_SIZE 0x10410
#define COMMAND_LINE 0x10480
#define COMMAND_LINE_BYTES 896
#define INITRD_AT 0x6000000 /* past the kernel and all that it needs early */
#define PAGE 4096

struct file {
    unsigned char *bytes;
    size_t size;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static struct file whole(const char *path)
{
    FILE *in = fopen(path, "rb");
    struct file f;

    if (!in || fseek(in, 0, SEEK_END) < 0)
        fail(path);
    f.size = (size_t) ftell(in);
    f.bytes = malloc(f.size);
    rewind(in);
    if (!f.bytes || fread(f.bytes, 1, f.size, in) != f.size)
        fail(path);
    fclose(in);
    return f;
}

static struct kexec_segment segment(void *bytes, size_t size, unsigned long at)
{
    return (struct kexec_segment){bytes, size, (void *) at, (size + PAGE - 1) & ~(PAGE - 1UL)};
}

int main(int argc, char **argv)
{
    if (argc != 4 || strlen(argv[3]) >= COMMAND_LINE_BYTES) {
        fputs("usage: kexec IMAGE INITRD COMMAND_LINE\n", stderr);
        return 2;
    }
    struct file image = whole(argv[1]), initrd = whole(argv[2]);
    if (image.size < ENTRY + PAGE || image.size > INITRD_AT) {
        fprintf(stderr, "%s: %zu bytes are no Linux image that fits\n", argv[1], image.size);
        return 1;
    }
    *(uint64_t *) (image.bytes + INITRD_START) = INITRD_AT;
    *(uint64_t *) (image.bytes + INITRD_SIZE) = initrd.size;
    strcpy((char *) image.bytes + COMMAND_LINE, argv[3]);
    struct kexec_segment segments[] = {segment(image.bytes + ENTRY, image.size - ENTRY, ENTRY),
                                       segment(initrd.bytes, initrd.size, INITRD_AT)};
    if (syscall(SYS_kexec_load, ENTRY, 2UL, segments, KEXEC_ARCH_S390) < 0)
        fail("kexec_load");
    printf("kexec: loaded\n");
    fflush(stdout);
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
    fail("reboot");
}
