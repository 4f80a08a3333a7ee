/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which kernel the guest is and where it was put: what the fixed words of absolute storage lead to, the ELF
 * note "VMCOREINFO" and, for want of it, os_info (arch/s390/include/asm/{lowcore,os_info}.h of Linux). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define LC_VMCORE_INFO 0xe0c /* absolute, as is the next; u64 each, the first not aligned */
#define LC_OS_INFO 0xe18

/* The kernel is placed in whole pages, and its virtual addresses have at most 53 bits (arch/s390/boot/
 * {kaslr,startup}.c): anything else, odd or not, is of no kernel. */
#define PLACE_ALIGN 4096u
#define PLACE_END (1ULL << 53)

#define NOTE_NAME "VMCOREINFO"
#define NOTE_HEADER 24u /* three words, and the name in 12 bytes */
/* Linux has VMCOREINFO_BYTES for it, a page. */
#define TEXT_MAX 0x10000u

#define OS_INFO_BYTES 4096u
#define OS_INFO_MAGIC 0x4f53494e464f535aULL
#define OS_INFO_SUMMED 12u /* what comes after magic and checksum */
#define OS_INFO_ENTRIES 32u
#define OS_INFO_ENTRY_BYTES 20u /* value u64, size u64, checksum u32 */
enum {                          /* entries; those from 4 on came with 6.10 and are values without a size */
    OS_INFO_VMCOREINFO = 0,
    OS_INFO_IDENTITY_BASE = 4,
    OS_INFO_KASLR_OFFSET = 5,
    OS_INFO_KASLR_OFF_PHYS = 6,
};

struct linux_place {
    bool current; /* nothing has run since it was read */
    unsigned generation;
    struct linux_facts facts;
    bool has_swapper;
    uint64_t swapper; /* address of swapper_pg_dir */
    char *text;       /* the facts'; kept when the guest has run, to see whether it is the same kernel */
};

static const struct linux_facts nothing = {.state = LINUX_UNKNOWN};

/* ---- text ---- */

/* The value of a key, which ends with its line; NULL if there is none. */
static const char *find(const char *text, const char *key)
{
    size_t len = strlen(key);

    for (const char *line = text; line && *line;) {
        if (strncmp(line, key, len) == 0 && line[len] == '=')
            return line + len + 1;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return NULL;
}

/* Linux prints addresses in hexadecimal and all that is counted in decimal. */
static bool is_hexadecimal(const char *key)
{
    static const char *const decimal[] = {"PAGESIZE", "CRASHTIME"};

    if (strchr(key, '('))
        return strncmp(key, "SYMBOL(", 7) == 0;
    for (size_t i = 0; i < sizeof decimal / sizeof *decimal; i++)
        if (strcmp(key, decimal[i]) == 0)
            return false;
    return true;
}

static bool find_number(const char *text, const char *key, uint64_t *value)
{
    const char *at = find(text, key);
    int base = at && is_hexadecimal(key) ? 16 : 10;
    char *end;

    if (!at || !(base == 16 ? isxdigit((unsigned char)*at) : *at == '-' || isdigit((unsigned char)*at)))
        return false;
    *value = strtoull(at, &end, base);
    return *end == '\n' || *end == 0;
}

static void find_word(const char *text, const char *key, char *buf, size_t size)
{
    const char *at = find(text, key);
    size_t len = at ? strcspn(at, "\n") : 0;

    if (len >= size)
        len = size - 1;
    if (at)
        memcpy(buf, at, len);
    buf[len] = 0;
}

/* Takes a text of len bytes (there is one more) as it is in memory; false if it is none. Its end may be
 * padded with zeros. */
static bool check_text(char *text, size_t len)
{
    text[len] = 0;
    for (const char *p = text; *p; p++)
        if (*p != '\n' && (*p < ' ' || *p > '~'))
            return false;
    return find(text, "OSRELEASE") != NULL;
}

/* ---- where it comes from ---- */

static char *read_text(struct linux_guest *g, uint64_t addr, uint64_t len)
{
    char *text = len && len <= TEXT_MAX ? malloc((size_t)len + 1) : NULL;

    if (text && linux_read_absolute(g, addr, text, (size_t)len) && check_text(text, (size_t)len))
        return text;
    free(text);
    return NULL;
}

/* Of an ELF note, whose words are name size, descriptor size, type. While the kernel starts the note is
 * there, but empty. */
static char *read_note(struct linux_guest *g, uint64_t addr)
{
    uint8_t header[NOTE_HEADER];

    if (!linux_read_absolute(g, addr, header, sizeof header) || load_be32(header) != sizeof NOTE_NAME ||
        memcmp(header + 12, NOTE_NAME, sizeof NOTE_NAME) != 0)
        return NULL;
    return read_text(g, addr + NOTE_HEADER, load_be32(header + 4));
}

/* As csum_partial() of s390 sums: words, with the carry added again. */
static bool os_info_sum_fits(const uint8_t *os_info)
{
    uint64_t sum = 0;

    for (size_t i = OS_INFO_SUMMED; i < OS_INFO_BYTES; i += 4)
        sum += load_be32(os_info + i);
    while (sum >> 32)
        sum = (sum & UINT32_MAX) + (sum >> 32);
    return (uint32_t)sum == load_be32(os_info + 8);
}

static bool read_os_info(struct linux_guest *g, uint8_t *os_info)
{
    uint8_t word[8];
    uint64_t addr;

    if (!linux_read_absolute(g, LC_OS_INFO, word, sizeof word))
        return false;
    addr = load_be64(word);
    return addr && addr % OS_INFO_BYTES == 0 && linux_read_absolute(g, addr, os_info, OS_INFO_BYTES) &&
           load_be64(os_info) == OS_INFO_MAGIC && os_info_sum_fits(os_info);
}

static const uint8_t *os_info_entry(const uint8_t *os_info, unsigned n)
{
    return os_info + 32 + (size_t)n * OS_INFO_ENTRY_BYTES;
}

/* ---- facts ---- */

static void take_text(struct linux_place *p, char *text)
{
    struct linux_facts *f = &p->facts;

    f->state = LINUX_READABLE;
    f->has_kaslr = find_number(text, "KERNELOFFSET", &f->kaslr_offset);
    find_word(text, "OSRELEASE", f->release, sizeof f->release);
    find_word(text, "BUILD-ID", f->build_id, sizeof f->build_id);
    if (!find_number(text, "IDENTITYBASE", &f->identity_base))
        f->identity_base = 0;
    f->has_phys_offset = find_number(text, "KERNELOFFPHYS", &f->phys_offset);
    p->has_swapper = find_number(text, "SYMBOL(swapper_pg_dir)", &p->swapper);
    f->text = text;
    f->text_len = strlen(text);
}

static bool is_place(uint64_t offset)
{
    return offset < PLACE_END && offset % PLACE_ALIGN == 0;
}

/* An entry of 0 may be one that this kernel does not have. */
static void take_os_info(struct linux_place *p, const uint8_t *os_info)
{
    struct linux_facts *f = &p->facts;

    f->kaslr_offset = load_be64(os_info_entry(os_info, OS_INFO_KASLR_OFFSET));
    if (!f->kaslr_offset || !is_place(f->kaslr_offset)) {
        *f = nothing;
        return;
    }
    f->state = LINUX_PLACED;
    f->has_kaslr = true;
    f->identity_base = load_be64(os_info_entry(os_info, OS_INFO_IDENTITY_BASE));
    f->phys_offset = load_be64(os_info_entry(os_info, OS_INFO_KASLR_OFF_PHYS));
    f->has_phys_offset = true;
}

/* Where neither the note nor an odd word is. */
static char *ask_os_info(struct linux_guest *g, struct linux_place *p)
{
    uint8_t os_info[OS_INFO_BYTES];
    const uint8_t *entry = os_info_entry(os_info, OS_INFO_VMCOREINFO);
    char *text;

    if (!read_os_info(g, os_info))
        return NULL;
    text = read_text(g, load_be64(entry), load_be64(entry + 8));
    if (!text)
        take_os_info(p, os_info);
    return text;
}

/* Whether the text is that of the kernel of before, to which lines may have come (CRASHTIME). */
static bool same_kernel(const char *before, const char *text)
{
    return before && strncmp(text, before, strlen(before)) == 0;
}

static void take_kernel(struct linux_place *p, char *text)
{
    static unsigned generations;

    if (!same_kernel(p->text, text))
        p->generation = ++generations;
    free(p->text);
    p->text = text;
    take_text(p, text);
}

/* The first CPU that translates tells where the kernel is by its addresses; before one does, the kernel is
 * one whose addresses are real ones. */
static void take_place(struct linux_guest *g, struct linux_facts *f, uint64_t place)
{
    struct dat_context ctx;
    unsigned cpu = 0;

    f->state = LINUX_PLACED;
    f->has_kaslr = true;
    f->kaslr_offset = place;
    while (cpu < g->m->ncpus && !linux_home_context(g, cpu, &ctx))
        cpu++;
    if (cpu == g->m->ncpus)
        return;
    f->has_kaslr = linux_placed(&ctx, place, &f->kaslr_offset);
    f->has_phys_offset = f->has_kaslr && f->kaslr_offset != place;
    f->phys_offset = f->has_phys_offset ? place : 0;
}

/* What is known from before the guest ran is forgotten, unless it is known to hold: between the odd word and
 * the note the word already is the address of a note that is still empty. */
static void look(struct linux_guest *g, struct linux_place *p)
{
    const struct linux_facts before = p->facts;
    uint8_t bytes[8] = {0};
    uint64_t word = linux_read_absolute(g, LC_VMCORE_INFO, bytes, sizeof bytes) ? load_be64(bytes) : 0;
    char *text = NULL;

    p->facts = nothing;
    if (word & 1 && is_place(word & ~1ULL)) {
        take_place(g, &p->facts, word & ~1ULL);
    } else {
        text = word ? read_note(g, word) : NULL;
        p->facts.note = text ? word : 0;
        if (!text)
            text = ask_os_info(g, p);
    }
    if (text)
        take_kernel(p, text);
    else if (word && p->facts.state == LINUX_UNKNOWN && before.state == LINUX_PLACED)
        p->facts = before;
}

const struct linux_facts *linux_facts(struct linux_guest *g)
{
    if (!g->place)
        g->place = calloc(1, sizeof *g->place);
    if (!g->place)
        return &nothing;
    if (!g->place->current)
        look(g, g->place);
    g->place->current = true;
    return &g->place->facts;
}

unsigned linux_generation(struct linux_guest *g)
{
    return linux_facts(g)->state == LINUX_READABLE ? g->place->generation : 0;
}

bool linux_vmcoreinfo(struct linux_guest *g, const char *key, uint64_t *value)
{
    const struct linux_facts *f = linux_facts(g);

    return f->state == LINUX_READABLE && find_number(f->text, key, value);
}

bool linux_swapper(struct linux_guest *g, uint64_t *addr)
{
    if (linux_facts(g)->state != LINUX_READABLE || !g->place->has_swapper)
        return false;
    *addr = g->place->swapper;
    return true;
}

void linux_forget_place(struct linux_guest *g, enum linux_forget what)
{
    if (!g->place)
        return;
    g->place->current = false;
    if (what == FORGET_ALL) {
        free(g->place->text);
        free(g->place);
        g->place = NULL;
    }
}
