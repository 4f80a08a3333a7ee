/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "ipl_rig.h"
#include "zgdbd/bytes.h"

struct guest_memory mem;
struct ipl_result result;
struct err error;
struct ipl_request request;
uint8_t elf[0x1000];
uint8_t image[IMAGE_BYTES];

static char directory[] = "/tmp/test_ipl.XXXXXX";

int ipl_make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

int ipl_remove_directory(void **state)
{
    DIR *d = opendir(directory);
    struct dirent *entry;

    (void)state;
    if (!d)
        return -1;
    while ((entry = readdir(d)))
        if (entry->d_name[0] != '.')
            unlink(in_directory(entry->d_name));
    closedir(d);
    return rmdir(directory);
}

int ipl_setup(void **state)
{
    static char path[64];

    (void)state;
    mem = (struct guest_memory){calloc(1, SIZE), SIZE};
    strcpy(path, in_directory("image"));
    request = (struct ipl_request){.image = path};
    return mem.base ? 0 : -1;
}

int ipl_teardown(void **state)
{
    (void)state;
    free(mem.base);
    return 0;
}

char *in_directory(const char *name)
{
    static char paths[64][64];
    static unsigned next;
    char *path = paths[next++ % 64];

    snprintf(path, sizeof paths[0], "%s/%.30s", directory, name);
    return path;
}

void write_file(const char *name, const void *bytes, size_t len)
{
    FILE *f = fopen(in_directory(name), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

size_t append_gzip(const char *name, const void *bytes, size_t len)
{
    gzFile gz = gzopen(in_directory(name), "ab1");
    struct stat st;

    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, bytes, (unsigned)len), len);
    assert_int_equal(gzclose(gz), Z_OK);
    assert_int_equal(stat(in_directory(name), &st), 0);
    return (size_t)st.st_size;
}

int load_request(void)
{
    memset(&error, 0, sizeof error);
    return ipl_load(&request, &mem, &result, &error);
}

int load(const char *initrd, const char *append)
{
    request.initrd = initrd ? in_directory(initrd) : NULL;
    request.append = append;
    return load_request();
}

void assert_loads(bool is_elf, uint64_t addr, uint64_t kernel_start, size_t nranges)
{
    assert_int_equal(load_request(), 0);
    assert_int_equal(result.elf, is_elf);
    assert_int_equal(result.psw.mask, 0x180000000);
    assert_int_equal(result.psw.addr, addr);
    assert_int_equal(result.kernel_start, kernel_start);
    assert_int_equal(result.nranges, nranges);
}

void assert_request_refused(enum exit_status status, const char *words)
{
    assert_int_equal(load_request(), -1);
    assert_int_equal(error.status, status);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, error.text);
}

void assert_refused(const char *initrd, const char *append, enum exit_status status, const char *words)
{
    request.initrd = initrd ? in_directory(initrd) : NULL;
    request.append = append;
    assert_request_refused(status, words);
}

void make_elf(const struct segment *s, unsigned n)
{
    for (unsigned i = 0; i < sizeof elf; i++)
        elf[i] = (uint8_t)i;
    memcpy(elf, "\177ELF\2\2\1\0\0\0\0\0\0\0\0\0", 16);
    store_be16(elf + 16, ET_EXEC);
    store_be16(elf + 18, EM_S390);
    store_be32(elf + 20, EV_CURRENT);
    store_be64(elf + 24, 0x2000); /* e_entry */
    store_be64(elf + 32, 64);     /* e_phoff */
    store_be64(elf + 40, 0);
    store_be32(elf + 48, 0);
    store_be16(elf + 52, 64);
    store_be16(elf + 54, 56);
    store_be16(elf + 56, (uint16_t)n);
    memset(elf + 58, 0, 6);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *p = elf + 64 + 56 * i;

        store_be32(p, s[i].type);
        store_be32(p + 4, 5);
        store_be64(p + 8, s[i].offset);
        store_be64(p + 16, 0xdead0000); /* p_vaddr does not matter */
        store_be64(p + 24, s[i].paddr);
        store_be64(p + 32, s[i].filesz);
        store_be64(p + 40, s[i].memsz);
        store_be64(p + 48, 0x1000);
    }
    write_file("image", elf, sizeof elf);
}

const struct segment code = {PT_LOAD, 0x800, 0x2000, 0x100, 0x100};

void rewrite_elf(void)
{
    write_file("image", elf, sizeof elf);
}

void make_linux_image(void)
{
    memset(image, 0, sizeof image);
    memcpy(image + 0x10008, "S390EP", 6);
    strcpy((char *)image + 0x10480, "its own");
    image[IMAGE_BYTES - 1] = 0x77;
    write_file("image", image, sizeof image);
}
