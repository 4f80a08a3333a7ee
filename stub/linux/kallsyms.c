/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own symbols, by address and by name: read once for each kernel, and kept. The first ones that
 * somebody asks for are made one by one from the tables; if it goes on like that, or the list of all is
 * wanted, all are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kallsyms.h"
#include "zgdbd/words.h"

#define NAMES_MAX (64u << 20) /* bytes of all names together */
#define BLOCK 0x10000u
#define HASH_STEPS 64u
#define SINGLE_MAX 512u /* symbols that are made one by one: a report wants 100 or so */
#define FINDS_MAX 16u   /* names that are looked for without a hash table */

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
    struct kallsyms_tables tables;
    uint64_t code_end[2]; /* where code ends and nothing is behind it, or 0 */
    unsigned singles, finds;
    struct linux_symbol *list; /* by address; NULL until it is wanted */
    struct block *names;
    size_t names_bytes;
    uint32_t *hash; /* for names: index + 1 of the first symbol of this name, open addressing */
    size_t hash_size;
};

#define UNREADABLE(what) "the kernel's symbols cannot be read: " what

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

/* All of a symbol but its size. */
static int make(struct linux_kallsyms *k, size_t i, struct linux_symbol *s, struct err *e)
{
    char *name = room(k);
    size_t bytes = name ? kallsyms_name(&k->tables, i, name) : 0;

    if (!name)
        return err_set(e, EXIT_OTHER, UNREADABLE("there is no room for the names of %zu of them"),
                       k->tables.n);
    if (!bytes)
        return err_set(e, EXIT_OTHER, UNREADABLE("the name of number %zu of %zu is damaged"), i + 1,
                       k->tables.n);
    k->names->used += bytes;
    *s = (struct linux_symbol){
        .addr = kallsyms_address(&k->tables, i), .type = kallsyms_type(&k->tables, i), .name = name};
    return 0;
}

/* ---- the end of the code ---- */

/* Without CONFIG_KALLSYMS_ALL there is code alone, and what comes after its end belongs to no symbol. */
static bool code_alone(const struct kallsyms_tables *t)
{
    bool data[TOKENS];

    for (unsigned i = 0; i < TOKENS; i++)
        data[i] = t->token_len[i] && strchr("dDbBrR", (char)t->token_table[t->token[i]]);
    for (size_t i = 0; i < t->n; i++)
        if (data[t->names[t->name_at[i]]])
            return false;
    return true;
}

static void find_code_ends(struct linux_kallsyms *k)
{
    static const char *const names[2] = {"_etext", "_einittext"};

    if (!code_alone(&k->tables))
        return;
    for (unsigned i = 0; i < 2; i++) {
        size_t at = kallsyms_find(&k->tables, names[i], 0);
        if (at < k->tables.n)
            k->code_end[i] = kallsyms_address(&k->tables, at);
    }
}

/* How long a symbol is; next is the next other address, or its own if there is none. */
static uint64_t size_to(const struct linux_kallsyms *k, uint64_t addr, uint64_t next)
{
    return addr == k->code_end[0] || addr == k->code_end[1] ? 0 : next - addr;
}

/* ---- the list ---- */

static int by_address(const void *a, const void *b)
{
    const struct linux_symbol *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* The kernel sorts them, and looks them up relying on that. */
static bool in_order(const struct kallsyms_tables *t)
{
    for (size_t i = 1; i < t->n; i++)
        if (kallsyms_address(t, i) < kallsyms_address(t, i - 1))
            return false;
    return true;
}

static void set_sizes(struct linux_kallsyms *k)
{
    uint64_t next = k->list[k->tables.n - 1].addr;

    for (size_t i = k->tables.n; i-- > 0;) {
        if (i + 1 < k->tables.n && k->list[i].addr != k->list[i + 1].addr)
            next = k->list[i + 1].addr;
        k->list[i].size = size_to(k, k->list[i].addr, next);
    }
}

static int make_list(struct linux_kallsyms *k, struct err *e)
{
    size_t n = k->tables.n;

    k->list = calloc(n, sizeof *k->list);
    if (!k->list)
        return err_set(e, EXIT_OTHER, UNREADABLE("there is no memory for %zu of them"), n);
    for (size_t i = 0; i < n; i++)
        if (make(k, i, &k->list[i], e))
            return -1;
    if (!in_order(&k->tables))
        qsort(k->list, n, sizeof *k->list, by_address);
    set_sizes(k);
    return 0;
}

/* ---- what is kept ---- */

static void clear(struct linux_kallsyms *k)
{
    for (struct block *b = k->names, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    kallsyms_free(&k->tables);
    free(k->list);
    free(k->hash);
    *k = (struct linux_kallsyms){0};
}

/* They cannot be read after all. Names that were given out are good until the guest has run. Returns -1. */
static int fail(struct linux_kallsyms *k, const struct err *why)
{
    struct block *names = k->names;
    unsigned generation = k->generation;

    k->names = NULL;
    clear(k);
    k->names = names;
    k->generation = generation;
    k->failed = true;
    k->why = *why;
    return -1;
}

/* k is empty. */
static int read_all(struct linux_guest *g, struct linux_kallsyms *k, unsigned generation)
{
    struct err why = {EXIT_OTHER, ""};

    k->generation = generation;
    if (kallsyms_read(g, &k->tables, &why))
        return fail(k, &why);
    find_code_ends(k);
    if (!in_order(&k->tables) && make_list(k, &why))
        return fail(k, &why);
    return 0;
}

/* The tables of the kernel that is there now. NULL with *e if they cannot be read. */
static struct linux_kallsyms *tables(struct linux_guest *g, struct err *e)
{
    unsigned generation = linux_generation(g);
    struct linux_kallsyms *k;

    if (!generation) {
        err_set(
            e, EXIT_OTHER,
            UNREADABLE("nothing at absolute 0xe0c leads to vmcoreinfo; it is no Linux, or has not come far "
                       "enough"));
        return NULL;
    }
    if (!g->syms)
        g->syms = calloc(1, sizeof *g->syms);
    k = g->syms;
    if (!k) {
        err_set(e, EXIT_OTHER, UNREADABLE("there is no memory for them"));
        return NULL;
    }
    if (k->generation != generation) {
        clear(k);
        read_all(g, k, generation);
    }
    if (k->failed)
        err_set(e, k->why.status, "%s", k->why.text);
    return k->failed ? NULL : k;
}

/* The same, with the list. */
static struct linux_kallsyms *with_list(struct linux_guest *g, struct err *e)
{
    struct linux_kallsyms *k = tables(g, e);
    struct err why;

    if (k && !k->list && make_list(k, &why)) {
        fail(k, &why);
        err_set(e, why.status, "%s", why.text);
        return NULL;
    }
    return k;
}

int linux_symbols(struct linux_guest *g, const struct linux_symbol **list, size_t *n, struct err *e)
{
    const struct linux_kallsyms *k = with_list(g, e);

    *list = k ? k->list : NULL;
    *n = k ? k->tables.n : 0;
    return k ? 0 : -1;
}

int linux_symbol_count(struct linux_guest *g, size_t *n, struct err *e)
{
    const struct linux_kallsyms *k = tables(g, e);

    *n = k ? k->tables.n : 0;
    return k ? 0 : -1;
}

/* ---- by address ---- */

/* How many are below addr, or, at_too, there or below: all of a kernel may be at one address. */
static size_t count_in_list(const struct linux_symbol *list, size_t n, uint64_t addr, bool at_too)
{
    size_t low = 0;

    while (low < n) {
        size_t middle = low + (n - low) / 2;

        if (list[middle].addr < addr || (at_too && list[middle].addr == addr))
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

const struct linux_symbol *linux_symbol_in(const struct linux_symbol *list, size_t n, uint64_t addr)
{
    size_t low = count_in_list(list, n, addr, true);

    if (!low)
        return NULL;
    low = count_in_list(list, low, list[low - 1].addr, false);
    if (addr != list[low].addr && addr - list[low].addr >= list[low].size)
        return NULL;
    return &list[low];
}

/* The same two by the tables, for one that is made now. */
static size_t count_in_tables(const struct kallsyms_tables *t, size_t n, uint64_t addr, bool at_too)
{
    size_t low = 0;

    while (low < n) {
        size_t middle = low + (n - low) / 2;
        uint64_t at = kallsyms_address(t, middle);

        if (at < addr || (at_too && at == addr))
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

static bool at_in_tables(struct linux_kallsyms *k, uint64_t addr, struct linux_symbol *out)
{
    const struct kallsyms_tables *t = &k->tables;
    size_t end = count_in_tables(t, t->n, addr, true), low;
    uint64_t at, size;

    if (!end)
        return false;
    at = kallsyms_address(t, end - 1);
    low = count_in_tables(t, end, at, false);
    size = size_to(k, at, end < t->n ? kallsyms_address(t, end) : at);
    if ((addr != at && addr - at >= size) || make(k, low, out, NULL))
        return false;
    out->size = size;
    return true;
}

/* Whether one more symbol is to be made by itself, and not all. */
static bool one_by_one(struct linux_kallsyms *k)
{
    return !k->list && k->singles++ < SINGLE_MAX;
}

bool linux_symbol_at(struct linux_guest *g, uint64_t addr, struct linux_symbol *out)
{
    struct linux_kallsyms *k = tables(g, NULL);
    const struct linux_symbol *s = NULL;

    if (k && one_by_one(k)) {
        if (at_in_tables(k, addr, out))
            return true;
    } else {
        k = with_list(g, NULL);
        s = k ? linux_symbol_in(k->list, k->tables.n, addr) : NULL;
    }
    if (k && !s)
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
    for (k->hash_size = 2; k->hash_size < 2 * k->tables.n;)
        k->hash_size *= 2;
    k->hash = calloc(k->hash_size, sizeof *k->hash);
    for (size_t i = 0; k->hash && i < k->tables.n; i++) {
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
    for (size_t i = 0; i < k->tables.n; i++)
        if (strcmp(k->list[i].name, name) == 0)
            return &k->list[i];
    return NULL;
}

/* By the tables: what stands there is the first of this name by address, too. */
static bool named_in_tables(struct linux_kallsyms *k, const char *name, struct linux_symbol *out)
{
    const struct kallsyms_tables *t = &k->tables;
    size_t i = kallsyms_find(t, name, 0), next = i;

    if (i == t->n || make(k, i, out, NULL))
        return false;
    while (next < t->n && kallsyms_address(t, next) == out->addr)
        next++;
    out->size = size_to(k, out->addr, next < t->n ? kallsyms_address(t, next) : out->addr);
    return true;
}

bool linux_kernel_symbol(struct linux_guest *g, const char *name, struct linux_symbol *out)
{
    struct linux_kallsyms *k = tables(g, NULL);
    const struct linux_symbol *s;

    if (k && !k->hash && k->finds++ < FINDS_MAX && one_by_one(k))
        return named_in_tables(k, name, out);
    k = with_list(g, NULL);
    if (!k || (!k->hash && !make_hash(k)))
        return false;
    s = named(k, name);
    if (s)
        *out = *s;
    return s != NULL;
}

bool linux_symbol_named(struct linux_guest *g, const char *name, uint64_t *addr)
{
    struct linux_symbol kernel;
    const struct linux_symbol *module;

    if (linux_kernel_symbol(g, name, &kernel)) {
        *addr = kernel.addr;
        return true;
    }
    module = linux_module_symbol_named(g, name);
    if (module)
        *addr = module->addr;
    return module != NULL;
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
