/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own symbols, from the compressed tables that it keeps for itself (kernel/kallsyms.c and
 * scripts/kallsyms.c of Linux; 6.0 and later name them in vmcoreinfo): read once for each kernel, in large
 * pieces, and kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/words.h"

#define SYMBOLS_MAX 0x100000u    /* Debian's kernels have 50000 to 150000 */
#define NAMES_MAX (64u << 20)    /* bytes of all names together */
#define TOKENS 256u              /* each byte of a compressed name stands for one */
#define TOKEN_TABLE_MAX 0x10200u /* as far as the 16-bit index reaches, and a token there */
#define WINDOW 0x10000u
#define BLOCK 0x10000u
#define HASH_STEPS 64u

/* Names are kept in blocks, so that they stay where they are while more come. */
struct block {
    struct block *next;
    size_t used;
    char bytes[BLOCK];
};

struct linux_kallsyms {
    unsigned generation; /* of the kernel that they are of */
    bool failed;         /* they cannot be read, and why says so; tried again when the guest has run */
    struct err why;
    struct linux_symbol *list; /* by address */
    size_t n;
    struct block *names;
    size_t names_bytes;
    uint32_t *hash; /* for names: index + 1 of the first symbol of this name, open addressing */
    size_t hash_size;
};

/* How the addresses are kept. */
enum encoding {
    BASE_RELATIVE,  /* up to 6.19: kallsyms_offsets are u32, to be added to what is at kallsyms_relative_base
                     */
    PLACE_RELATIVE, /* from 7.0 on: they are s32, to be added to the address of each one itself */
    ABSOLUTE,       /* without CONFIG_KALLSYMS_BASE_RELATIVE: kallsyms_addresses are u64 */
};

/* What is needed while they are read. */
struct tables {
    struct linux_guest *g;
    struct linux_kallsyms *k;
    struct err *e;
    uint64_t names; /* address of what is not in the window yet */
    uint8_t window[WINDOW];
    size_t at, have; /* of the window: next byte to be looked at, bytes in it */
    uint8_t token_table[TOKEN_TABLE_MAX];
    uint16_t token[TOKENS];     /* where it is */
    uint16_t token_len[TOKENS]; /* without its zero byte */
    uint8_t *addresses;         /* as they are in memory, in this encoding: */
    enum encoding encoding;
    uint64_t base;
};

#define UNREADABLE(what) "the kernel's symbols cannot be read: " what

/* ---- tokens ---- */

/* What a name is made of is looked at here, once, and not for each name again. */
static int check_token(struct tables *t, unsigned i, size_t have)
{
    size_t len = 0;

    while (t->token[i] + len < have && t->token_table[t->token[i] + len]) {
        uint8_t c = t->token_table[t->token[i] + len++];
        if (c <= ' ' || c > '~')
            return err_set(t->e, EXIT_OTHER, UNREADABLE("token %u is no text"), i);
    }
    if (t->token[i] + len >= have || len >= LINUX_NAME_BYTES)
        return err_set(t->e, EXIT_OTHER, UNREADABLE("token %u has no end"), i);
    t->token_len[i] = (uint16_t)len;
    return 0;
}

static int read_tokens(struct tables *t)
{
    uint8_t index[TOKENS * 2];
    uint64_t table, at;
    size_t have;

    if (!linux_vmcoreinfo(t->g, "SYMBOL(kallsyms_token_table)", &table) ||
        !linux_vmcoreinfo(t->g, "SYMBOL(kallsyms_token_index)", &at))
        return err_set(t->e, EXIT_OTHER,
                       UNREADABLE("vmcoreinfo does not name their tables, as Linux 6.0 and later do"));
    if (linux_read(t->g, at, index, sizeof index) != sizeof index)
        return err_set(t->e, EXIT_OTHER, UNREADABLE("kallsyms_token_index is at 0x%llx, where no memory is"),
                       (unsigned long long)at);
    have = linux_read(t->g, table, t->token_table, sizeof t->token_table);
    for (unsigned i = 0; i < TOKENS; i++) {
        t->token[i] = load_be16(index + 2 * (size_t)i);
        if (check_token(t, i, have))
            return -1;
    }
    return 0;
}

/* ---- addresses ---- */

/* *at is where they are. */
static int find_addresses(struct tables *t, uint64_t *at)
{
    uint64_t base;

    if (linux_vmcoreinfo(t->g, "SYMBOL(kallsyms_addresses)", at)) {
        t->encoding = ABSOLUTE;
        return 0;
    }
    if (!linux_vmcoreinfo(t->g, "SYMBOL(kallsyms_offsets)", at))
        return err_set(t->e, EXIT_OTHER,
                       UNREADABLE("vmcoreinfo names neither kallsyms_offsets nor kallsyms_addresses"));
    t->base = *at;
    t->encoding = PLACE_RELATIVE;
    if (!linux_vmcoreinfo(t->g, "SYMBOL(kallsyms_relative_base)", &base))
        return 0;
    t->encoding = BASE_RELATIVE;
    if (linux_read_u64(t->g, base, &t->base))
        return 0;
    return err_set(t->e, EXIT_OTHER, UNREADABLE("kallsyms_relative_base is at 0x%llx, where no memory is"),
                   (unsigned long long)base);
}

static int read_addresses(struct tables *t)
{
    uint64_t at;
    size_t bytes;

    if (find_addresses(t, &at))
        return -1;
    bytes = t->k->n * (t->encoding == ABSOLUTE ? 8 : 4);
    t->addresses = malloc(bytes);
    if (!t->addresses)
        return err_set(t->e, EXIT_OTHER, UNREADABLE("there is no memory for %zu of them"), t->k->n);
    if (linux_read(t->g, at, t->addresses, bytes) != bytes)
        return err_set(t->e, EXIT_OTHER, UNREADABLE("not all of the addresses of %zu are in memory"),
                       t->k->n);
    return 0;
}

/* On s390 offsets from a base are unsigned: CONFIG_KALLSYMS_ABSOLUTE_PERCPU is of x86. */
static uint64_t address(const struct tables *t, size_t i)
{
    uint32_t offset;

    if (t->encoding == ABSOLUTE)
        return load_be64(t->addresses + 8 * i);
    offset = load_be32(t->addresses + 4 * i);
    if (t->encoding == BASE_RELATIVE)
        return t->base + offset;
    return t->base + 4 * i + (uint64_t)(int64_t)(int32_t)offset;
}

/* ---- names ---- */

/* Room for one name; NULL if there is none. */
static char *room(struct linux_kallsyms *k)
{
    struct block *b = k->names;

    if (b && BLOCK - b->used >= LINUX_NAME_BYTES)
        return b->bytes + b->used;
    if (k->names_bytes > NAMES_MAX)
        return NULL;
    b = malloc(sizeof *b);
    if (!b)
        return NULL;
    b->next = k->names;
    b->used = 0;
    k->names = b;
    k->names_bytes += BLOCK;
    return b->bytes;
}

/* Makes sure that what is in the window holds a whole name, if that is in memory. */
static void fill(struct tables *t)
{
    size_t left = t->have - t->at, n;

    if (left >= 2 + LINUX_NAME_BYTES)
        return;
    memmove(t->window, t->window + t->at, left);
    n = linux_read(t->g, t->names, t->window + left, WINDOW - left);
    t->names += n;
    t->at = 0;
    t->have = left + n;
}

/* Tokens of the next name: a length byte, or two from 6.1 on where the first has its highest bit set. 0 if
 * there is no such name. */
static size_t next_name(struct tables *t)
{
    size_t len;

    fill(t);
    if (t->have - t->at < 2)
        return 0;
    len = t->window[t->at++];
    if (len & 0x80)
        len = (len & 0x7f) | (size_t)t->window[t->at++] << 7;
    return len <= LINUX_NAME_BYTES && len <= t->have - t->at ? len : 0;
}

/* The first character is the type. Bytes that are written, the last one zero; 0 if the name is none. */
static size_t expand(const struct tables *t, size_t tokens, char *out, char *type)
{
    const uint8_t *byte = t->window + t->at;
    const uint8_t *token = t->token_table + t->token[*byte];
    size_t len = t->token_len[*byte], skip = 1, n = 0;

    if (!len)
        return 0;
    *type = (char)*token;
    for (size_t i = 0; i < tokens; i++, skip = 0) {
        token = t->token_table + t->token[byte[i]] + skip;
        len = t->token_len[byte[i]] - skip;
        if (len >= LINUX_NAME_BYTES - n)
            return 0;
        memcpy(out + n, token, len);
        n += len;
    }
    out[n] = 0;
    return n ? n + 1 : 0;
}

static int read_names(struct tables *t)
{
    for (size_t i = 0; i < t->k->n; i++) {
        struct linux_symbol *s = &t->k->list[i];
        size_t tokens = next_name(t), bytes = 0;
        char *name = room(t->k);

        if (!name)
            return err_set(t->e, EXIT_OTHER, UNREADABLE("there is no room for the names of %zu of them"),
                           t->k->n);
        if (tokens)
            bytes = expand(t, tokens, name, &s->type);
        if (!bytes)
            return err_set(t->e, EXIT_OTHER, UNREADABLE("the name of number %zu of %zu is damaged"), i + 1,
                           t->k->n);
        t->at += tokens;
        t->k->names->used += bytes;
        s->name = name;
        s->addr = address(t, i);
    }
    return 0;
}

/* ---- the list ---- */

static int by_address(const void *a, const void *b)
{
    const struct linux_symbol *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void sort(struct linux_kallsyms *k)
{
    for (size_t i = 1; i < k->n; i++)
        if (k->list[i].addr < k->list[i - 1].addr) {
            qsort(k->list, k->n, sizeof *k->list, by_address);
            return;
        }
}

/* Without CONFIG_KALLSYMS_ALL there is code alone, and what comes after its end belongs to no symbol. */
static bool code_alone(const struct linux_kallsyms *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (strchr("dDbBrR", k->list[i].type))
            return false;
    return true;
}

static bool ends_code(const struct linux_symbol *s)
{
    return strcmp(s->name, "_etext") == 0 || strcmp(s->name, "_einittext") == 0;
}

/* From the last one on: each reaches to the next of another address. */
static void set_sizes(struct linux_kallsyms *k)
{
    bool code = code_alone(k);

    for (size_t i = k->n, end = k->n; i-- > 0;) {
        if (i + 1 < k->n && k->list[i].addr != k->list[i + 1].addr)
            end = i + 1;
        if (end < k->n)
            k->list[i].size = k->list[end].addr - k->list[i].addr;
    }
    for (size_t i = 0; code && i < k->n; i++)
        if (ends_code(&k->list[i]))
            for (size_t j = i; j < k->n && k->list[j].addr == k->list[i].addr; j++)
                k->list[j].size = 0;
}

/* vmcoreinfo tells one address by itself: if no symbol is there, the tables mean something else. */
static int check_place(struct tables *t)
{
    uint64_t stext;

    if (!linux_vmcoreinfo(t->g, "SYMBOL(_stext)", &stext))
        return 0;
    const struct linux_symbol *s = linux_symbol_in(t->k->list, t->k->n, stext);
    if (s && s->addr == stext)
        return 0;
    return err_set(t->e, EXIT_OTHER, UNREADABLE("none of the %zu is at 0x%llx, where vmcoreinfo has _stext"),
                   t->k->n, (unsigned long long)stext);
}

static int read_count(struct tables *t)
{
    uint64_t at;
    uint32_t n;

    if (!linux_vmcoreinfo(t->g, "SYMBOL(kallsyms_num_syms)", &at) ||
        !linux_vmcoreinfo(t->g, "SYMBOL(kallsyms_names)", &t->names))
        return err_set(t->e, EXIT_OTHER,
                       UNREADABLE("vmcoreinfo does not name their tables, as Linux 6.0 and later do"));
    if (!linux_read_u32(t->g, at, &n))
        return err_set(t->e, EXIT_OTHER, UNREADABLE("kallsyms_num_syms is at 0x%llx, where no memory is"),
                       (unsigned long long)at);
    if (n == 0 || n > SYMBOLS_MAX)
        return err_set(t->e, EXIT_OTHER, UNREADABLE("%u are said to be there, and not up to %u"), n,
                       SYMBOLS_MAX);
    t->k->n = n;
    return 0;
}

static int read_tables(struct tables *t)
{
    if (read_count(t) || read_tokens(t) || read_addresses(t))
        return -1;
    t->k->list = calloc(t->k->n, sizeof *t->k->list);
    if (!t->k->list)
        return err_set(t->e, EXIT_OTHER, UNREADABLE("there is no memory for %zu of them"), t->k->n);
    if (read_names(t))
        return -1;
    sort(t->k);
    set_sizes(t->k);
    return check_place(t);
}

static void clear(struct linux_kallsyms *k)
{
    for (struct block *b = k->names, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(k->list);
    free(k->hash);
    *k = (struct linux_kallsyms){0};
}

/* k is empty. */
static void read_all(struct linux_guest *g, struct linux_kallsyms *k, unsigned generation)
{
    struct tables *t = calloc(1, sizeof *t);
    struct err why = {EXIT_OTHER, UNREADABLE("there is no memory for them")};
    bool failed = true;

    if (t) {
        t->g = g;
        t->k = k;
        t->e = &why;
        failed = read_tables(t) != 0;
        free(t->addresses);
    }
    free(t);
    if (failed)
        clear(k);
    k->generation = generation;
    k->failed = failed;
    k->why = why;
}

/* ---- what the room uses ---- */

int linux_symbols(struct linux_guest *g, const struct linux_symbol **list, size_t *n, struct err *e)
{
    unsigned generation = linux_generation(g);

    *list = NULL;
    *n = 0;
    if (!generation)
        return err_set(e, EXIT_OTHER,
                       UNREADABLE("nothing at absolute 0xe0c leads to vmcoreinfo; it is no Linux, or has not "
                                  "come far enough"));
    if (!g->syms)
        g->syms = calloc(1, sizeof *g->syms);
    if (!g->syms)
        return err_set(e, EXIT_OTHER, UNREADABLE("there is no memory for them"));
    if (g->syms->generation != generation) {
        clear(g->syms);
        read_all(g, g->syms, generation);
    }
    if (g->syms->failed)
        return err_set(e, g->syms->why.status, "%s", g->syms->why.text);
    *list = g->syms->list;
    *n = g->syms->n;
    return 0;
}

const struct linux_symbol *linux_symbol_in(const struct linux_symbol *list, size_t n, uint64_t addr)
{
    size_t low = 0, high = n; /* the one that is sought is the last of those below high */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (list[middle].addr <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return NULL;
    for (low--; low && list[low - 1].addr == list[low].addr;)
        low--;
    if (addr != list[low].addr && addr - list[low].addr >= list[low].size)
        return NULL;
    return &list[low];
}

bool linux_symbol_at(struct linux_guest *g, uint64_t addr, struct linux_symbol *out)
{
    const struct linux_symbol *list, *s;
    size_t n;

    if (linux_symbols(g, &list, &n, NULL))
        return false;
    s = linux_symbol_in(list, n, addr);
    if (!s)
        s = linux_module_symbol_at(g, addr);
    if (s)
        *out = *s;
    return s != NULL;
}

/* ---- by name ---- */

/* FNV-1a. */
static uint32_t hash_of(const char *name)
{
    uint32_t h = 2166136261u;

    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}

/* The place of a name, or the free one where it would be; hash_size if it is not found in so many steps:
 * names could be chosen such that all of them meet. */
static size_t hash_place(const struct linux_kallsyms *k, const char *name)
{
    size_t at = hash_of(name);

    for (unsigned step = 0; step < HASH_STEPS; step++) {
        size_t place = (at + step) & (k->hash_size - 1);
        if (!k->hash[place] || strcmp(k->list[k->hash[place] - 1].name, name) == 0)
            return place;
    }
    return k->hash_size;
}

static bool make_hash(struct linux_kallsyms *k)
{
    for (k->hash_size = 2; k->hash_size < 2 * k->n;)
        k->hash_size *= 2;
    k->hash = calloc(k->hash_size, sizeof *k->hash);
    for (size_t i = 0; k->hash && i < k->n; i++) {
        size_t at = hash_place(k, k->list[i].name);
        if (at < k->hash_size && !k->hash[at])
            k->hash[at] = (uint32_t)i + 1;
    }
    return k->hash != NULL;
}

static const struct linux_symbol *named(const struct linux_kallsyms *k, const char *name)
{
    size_t at = hash_place(k, name);

    if (at < k->hash_size)
        return k->hash[at] ? &k->list[k->hash[at] - 1] : NULL;
    for (size_t i = 0; i < k->n; i++)
        if (strcmp(k->list[i].name, name) == 0)
            return &k->list[i];
    return NULL;
}

const struct linux_symbol *linux_kernel_symbol(struct linux_guest *g, const char *name)
{
    const struct linux_symbol *list;
    size_t n;

    if (linux_symbols(g, &list, &n, NULL) || (!g->syms->hash && !make_hash(g->syms)))
        return NULL;
    return named(g->syms, name);
}

bool linux_symbol_named(struct linux_guest *g, const char *name, uint64_t *addr)
{
    const struct linux_symbol *s = linux_kernel_symbol(g, name);

    if (!s)
        s = linux_module_symbol_named(g, name);
    if (s)
        *addr = s->addr;
    return s != NULL;
}

char *linux_symbolise(struct linux_guest *g, uint64_t addr, char *buf, size_t size)
{
    struct words w = {buf, size, 0};
    struct linux_symbol s;

    buf[0] = 0;
    if (!linux_symbol_at(g, addr, &s)) {
        words_add(&w, "0x%llx", (unsigned long long)addr);
        return buf;
    }
    words_add(&w, "%s+0x%llx/0x%llx", s.name, (unsigned long long)(addr - s.addr),
              (unsigned long long)s.size);
    if (s.module)
        words_add(&w, " [%s]", s.module);
    return buf;
}

void linux_forget_kallsyms(struct linux_guest *g, enum linux_forget what)
{
    if (!g->syms)
        return;
    if (what == FORGET_ALL || g->syms->failed)
        clear(g->syms);
    if (what == FORGET_ALL) {
        free(g->syms);
        g->syms = NULL;
    }
}
