/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's modules: the list that it keeps, where each one's code is, and its symbols. What no symbol or
 * vmcoreinfo tells is found by its looks: the head of the list by the operands of the functions that walk it,
 * and in struct module (include/linux/module.h of Linux), of which only the beginning is always the same,
 * what points to the structure itself. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define MODULES_MAX 4096u
#define STRUCT_BYTES 0x800u /* of struct module, and more; Debian's have 0x340 to 0x500 */
#define LIST 8u             /* struct module: state, list, name; every release has it so */
#define NAME 24u
#define NAME_BYTES 56u
#define MEMORY_BYTES 72u /* of struct module_memory */
#define STATES 4u
#define CODE_MAX 0x1000u /* of a function that is looked through; in 6.1 the longest has 0x1f8 */
#define SIZE_MAX_OF_MODULE (256u << 20)
#define REGIONS 16u
#define SYMBOLS_MAX 0x20000u /* of one module */
#define STRINGS_MAX (16u << 20)
/* So much is read of the tables and the strings of all modules together, before the last of them. */
#define ALL_SYMBOLS_MAX (1u << 20)
#define ALL_STRINGS_MAX (64u << 20)
#define SYM_BYTES 24u /* Elf64_Sym */

/* A piece of storage of a module. */
struct region {
    uint64_t base, size;
    bool code;
};

struct module_parts {
    struct region region[REGIONS];
    unsigned n;
    struct linux_symbol *symbols;
    char *strings;
};

struct linux_modlist {
    bool current;
    bool failed;
    struct err why;
    struct linux_module *list;
    struct module_parts *parts; /* of each */
    size_t n;
    size_t entries, string_bytes; /* that were read of their tables, whatever came of them */
    unsigned generation;          /* of the kernel whose list was found at: */
    uint64_t head;
};

/* ---- the list's head ---- */

/* What is at a link, if a module is around it. */
static bool looks_like_module(const uint8_t *m)
{
    size_t len = 0;

    if (load_be32(m) >= STATES)
        return false;
    while (len < NAME_BYTES && m[NAME + len] > ' ' && m[NAME + len] <= '~')
        len++;
    if (len == 0 || len == NAME_BYTES)
        return false;
    for (size_t i = len; i < NAME_BYTES; i++)
        if (m[NAME + i])
            return false;
    return true;
}

static bool read_module_head(struct linux_guest *g, uint64_t addr, uint8_t m[NAME + NAME_BYTES])
{
    return linux_read(g, addr, m, NAME + NAME_BYTES) == NAME + NAME_BYTES && looks_like_module(m);
}

enum head {
    NO_HEAD,
    EMPTY_HEAD,
    HEAD,
};

static enum head judge_head(struct linux_guest *g, uint64_t at)
{
    uint64_t next, prev, back;
    uint8_t m[NAME + NAME_BYTES];

    if (at % 8 || !linux_read_u64(g, at, &next) || !linux_read_u64(g, at + 8, &prev))
        return NO_HEAD;
    if (next == at && prev == at)
        return EMPTY_HEAD;
    if (!linux_read_u64(g, next + 8, &back) || back != at || !linux_read_u64(g, prev, &back) || back != at)
        return NO_HEAD;
    return read_module_head(g, next - LIST, m) && read_module_head(g, prev - LIST, m) ? HEAD : NO_HEAD;
}

/* The operand of an instruction that names a place relative to itself, in halfwords: LARL, LGRL, and what
 * else has its format RIL-b with opcode C0 or C4. */
static bool relative_operand(const uint8_t *insn, uint64_t addr, uint64_t *operand)
{
    bool larl = insn[0] == 0xc0 && (insn[1] & 15) == 0;

    if (!larl && insn[0] != 0xc4)
        return false;
    *operand = addr + 2 * (uint64_t)(int64_t)(int32_t)load_be32(insn + 2);
    return true;
}

/* Looks through one function. An empty list is taken only if there is no other one. */
static enum head head_in_code(struct linux_guest *g, const char *function, uint64_t *head)
{
    struct linux_symbol s;
    enum head best = NO_HEAD;
    uint8_t code[CODE_MAX];
    uint64_t operand, got;
    size_t have;

    if (!linux_kernel_symbol(g, function, &s))
        return NO_HEAD;
    have = linux_read(g, s.addr, code, s.size < CODE_MAX ? (size_t)s.size : CODE_MAX);
    for (size_t at = 0; at + 6 <= have && best != HEAD; at += insn_length(code[at])) {
        if (!relative_operand(code + at, s.addr + at, &operand))
            continue;
        for (unsigned step = 0; step < 2; step++) { /* itself, or what a global offset table has there */
            enum head found = judge_head(g, operand);
            if (found > best) {
                best = found;
                *head = operand;
            }
            if (!linux_read_u64(g, operand, &got))
                break;
            operand = got;
        }
    }
    return best;
}

static int find_head(struct linux_guest *g, uint64_t *head, struct err *e)
{
    static const char *const walkers[] = {"print_modules", "find_module_all", "m_start", "module_get_kallsym",
                                          "find_symbol"};
    struct linux_symbol modules;
    enum head best = NO_HEAD;
    uint64_t at = 0;

    if (linux_kernel_symbol(g, "modules", &modules) && judge_head(g, modules.addr) != NO_HEAD) {
        *head = modules.addr;
        return 0;
    }
    for (size_t i = 0; i < sizeof walkers / sizeof *walkers && best != HEAD; i++) {
        enum head found = head_in_code(g, walkers[i], &at);
        if (found > best) {
            best = found;
            *head = at;
        }
    }
    if (best != NO_HEAD)
        return 0;
    return err_set(e, EXIT_OTHER,
                   "the list of modules is not found: the kernel has no symbol \"modules\", and none of the "
                   "functions that walk the list leads to one");
}

/* ---- one module ---- */

static bool usable(uint64_t base, uint64_t size)
{
    return base && base % 4096 == 0 && size && size <= SIZE_MAX_OF_MODULE && base + size > base;
}

static void add_region(struct module_parts *p, uint64_t base, uint64_t size, bool code)
{
    if (size && p->n < REGIONS)
        p->region[p->n++] = (struct region){base, size, code};
}

/* struct module_layout, up to 6.3: base, size, size of the code, of that with read-only data, and of that
 * with what is read-only after the start; then the tree node, which begins with the module's address. */
static bool take_layout(struct module_parts *p, const uint8_t *node)
{
    uint64_t base = load_be64(node - 24);
    uint32_t size = load_be32(node - 16), text = load_be32(node - 12), ro = load_be32(node - 8),
             ro_after = load_be32(node - 4);

    if (!usable(base, size) || text > ro || ro > ro_after || ro_after > size)
        return false;
    add_region(p, base, text, true);
    add_region(p, base + text, size - text, false);
    return true;
}

/* struct module_memory, 6.4 to 6.12: base, size, the tree node; one for each kind. Code is the first of them,
 * and the fifth, of the start. */
static bool take_memory(struct module_parts *p, const uint8_t *node, size_t number)
{
    uint64_t base = load_be64(node - 16);
    uint32_t size = load_be32(node - 8);

    if (!usable(base, size) || load_be32(node - 4))
        return false;
    add_region(p, base, size, number == 0 || number == 4);
    return true;
}

/* By what points to the module itself: the nodes of the tree in which its storage is. Those of module_memory
 * are as far from each other as these are; an empty kind has no base. */
static void find_regions(struct module_parts *p, const uint8_t *m, size_t have, uint64_t addr)
{
    size_t first = 0;

    for (size_t at = NAME + NAME_BYTES + 24; at + 8 <= have; at += 8) {
        if (load_be64(m + at) != addr || take_layout(p, m + at))
            continue;
        if (first && (at - first) % MEMORY_BYTES)
            continue;
        if (take_memory(p, m + at, first ? (at - first) / MEMORY_BYTES : 0) && !first)
            first = at;
    }
}

/* ---- its symbols ---- */

/* struct mod_kallsyms: table, count, strings, types. */
struct mod_kallsyms {
    uint64_t table, strings, types;
    uint32_t n;
};

static bool within(const struct module_parts *p, uint64_t addr)
{
    for (unsigned i = 0; i < p->n; i++)
        if (addr - p->region[i].base < p->region[i].size)
            return true;
    return false;
}

static bool take_kallsyms(const struct module_parts *p, const uint8_t *at, struct mod_kallsyms *out)
{
    out->table = load_be64(at);
    out->n = load_be32(at + 8);
    out->strings = load_be64(at + 16);
    out->types = load_be64(at + 24);
    return out->n && out->n <= SYMBOLS_MAX && within(p, out->table) && within(p, out->strings) &&
           within(p, out->types);
}

/* In struct module a pointer to it is followed by the structure itself, to which it leads; while the module
 * starts, to another one, which has the symbols of the code of the start too. */
static bool find_kallsyms(struct linux_guest *g, const struct module_parts *p, const uint8_t *m, size_t have,
                          struct mod_kallsyms *out)
{
    struct mod_kallsyms own;
    uint8_t bytes[32];

    for (size_t at = NAME + NAME_BYTES; at + 40 <= have; at += 8) {
        uint64_t pointer = load_be64(m + at);
        if (within(p, pointer) && take_kallsyms(p, m + at + 8, &own) &&
            linux_read(g, pointer, bytes, sizeof bytes) == sizeof bytes && take_kallsyms(p, bytes, out))
            return true;
    }
    return false;
}

static int by_address(const void *a, const void *b)
{
    const struct linux_symbol *x = a, *y = b;

    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name; /* in the order of the table, where names are */
}

/* To the next symbol, or to the end of the storage in which it is. */
static void set_sizes(const struct module_parts *p, size_t n)
{
    for (size_t i = n, next = n; i-- > 0;) {
        struct linux_symbol *s = &p->symbols[i];
        if (i + 1 < n && s[1].addr != s->addr)
            next = i + 1;
        for (unsigned r = 0; r < p->n; r++)
            if (s->addr - p->region[r].base < p->region[r].size)
                s->size = p->region[r].base + p->region[r].size - s->addr;
        if (next < n && p->symbols[next].addr - s->addr < s->size)
            s->size = p->symbols[next].addr - s->addr;
    }
}

/* Copies a name out of the strings; false for one that the kernel does not tell, either: none, or a mark of
 * the assembler's. */
static bool take_name(const char *strings, size_t have, uint32_t at, char *out, size_t *len)
{
    size_t most, n;

    if (at >= have)
        return false;
    most = have - at < LINUX_NAME_BYTES ? have - at : LINUX_NAME_BYTES;
    n = strnlen(strings + at, most);
    if (n == 0 || n == most)
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(strings[at + i] > ' ' && strings[at + i] <= '~' ? strings[at + i] : '?');
    out[n] = 0;
    *len = n + 1;
    return strncmp(out, ".L", 2) != 0 && out[0] != '$';
}

/* What is read of a module before its symbols are made. */
struct raw {
    uint8_t *table;
    char *types, *strings;
    size_t strings_have;
};

static bool read_raw(struct linux_guest *g, const struct mod_kallsyms *k, struct raw *r)
{
    size_t bytes = (size_t)k->n * SYM_BYTES, longest = 0;

    r->table = malloc(bytes);
    r->types = malloc(k->n);
    if (!r->table || !r->types || linux_read(g, k->table, r->table, bytes) != bytes ||
        linux_read(g, k->types, r->types, k->n) != k->n)
        return false;
    for (uint32_t i = 0; i < k->n; i++) {
        size_t at = load_be32(r->table + (size_t)i * SYM_BYTES);
        longest = at > longest ? at : longest;
    }
    if (longest > STRINGS_MAX)
        return false;
    r->strings = malloc(longest + LINUX_NAME_BYTES);
    if (r->strings)
        r->strings_have = linux_read(g, k->strings, r->strings, longest + LINUX_NAME_BYTES);
    return r->strings != NULL;
}

/* The symbols of a table, by address; how many. The names are kept in one piece. */
static size_t make_symbols(struct module_parts *p, const struct mod_kallsyms *k, const struct raw *r,
                           const char *module)
{
    size_t n = 0, used = 0, room = r->strings_have + k->n;

    p->symbols = calloc(k->n, sizeof *p->symbols);
    p->strings = malloc(room + LINUX_NAME_BYTES);
    if (!p->symbols || !p->strings)
        return 0;
    for (uint32_t i = 1; i < k->n; i++) {
        const uint8_t *sym = r->table + (size_t)i * SYM_BYTES;
        uint64_t value = load_be64(sym + 8);
        size_t len;
        if (load_be16(sym + 6) == 0 || !within(p, value) || used > room ||
            !take_name(r->strings, r->strings_have, load_be32(sym), p->strings + used, &len))
            continue;
        p->symbols[n++] =
            (struct linux_symbol){.addr = value,
                                  .type = isalpha((unsigned char)r->types[i]) ? r->types[i] : '?',
                                  .name = p->strings + used,
                                  .module = module};
        used += len;
    }
    qsort(p->symbols, n, sizeof *p->symbols, by_address);
    set_sizes(p, n);
    return n;
}

static void read_symbols(struct linux_guest *g, struct linux_modlist *l, size_t i,
                         const struct mod_kallsyms *k)
{
    struct linux_module *m = &l->list[i];
    struct module_parts *p = &l->parts[i];
    struct raw r = {0};

    if (read_raw(g, k, &r))
        m->nsymbols = make_symbols(p, k, &r, m->name);
    l->entries += k->n;
    l->string_bytes += r.strings_have;
    m->symbols = m->nsymbols ? p->symbols : NULL;
    free(r.table);
    free(r.types);
    free(r.strings);
}

static void read_module(struct linux_guest *g, struct linux_modlist *l, size_t i, uint64_t addr)
{
    struct linux_module *m = &l->list[i];
    struct module_parts *p = &l->parts[i];
    uint8_t bytes[STRUCT_BYTES];
    struct mod_kallsyms k;
    size_t have = linux_read(g, addr, bytes, sizeof bytes);

    if (have < NAME + NAME_BYTES)
        return;
    memcpy(m->name, bytes + NAME, NAME_BYTES - 1);
    m->addr = addr;
    m->guessed = true;
    find_regions(p, bytes, have, addr);
    for (unsigned r = 0; r < p->n && !m->size; r++)
        if (p->region[r].code) {
            m->base = p->region[r].base;
            m->size = p->region[r].size;
        }
    if (l->entries < ALL_SYMBOLS_MAX && l->string_bytes < ALL_STRINGS_MAX &&
        find_kallsyms(g, p, bytes, have, &k))
        read_symbols(g, l, i, &k);
}

/* ---- the list ---- */

static void clear(struct linux_modlist *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->parts[i].symbols);
        free(l->parts[i].strings);
    }
    free(l->list);
    free(l->parts);
    l->list = NULL;
    l->parts = NULL;
    l->n = l->entries = l->string_bytes = 0;
    l->current = l->failed = false;
}

/* The modules' addresses, and how many. */
static int walk(struct linux_guest *g, uint64_t head, uint64_t addrs[MODULES_MAX], size_t *n, struct err *e)
{
    uint64_t at = head, next = 0, back;

    for (*n = 0; linux_read_u64(g, at, &next) && next != head; at = next) {
        uint8_t m[NAME + NAME_BYTES];
        if (*n == MODULES_MAX || !linux_read_u64(g, next + 8, &back) || back != at ||
            !read_module_head(g, next - LIST, m))
            break;
        addrs[(*n)++] = next - LIST;
    }
    if (next == head)
        return 0;
    return err_set(e, EXIT_OTHER, "the list of modules is broken behind %zu of them, at 0x%llx", *n,
                   (unsigned long long)next);
}

static int read_list(struct linux_guest *g, struct linux_modlist *l, struct err *e)
{
    uint64_t addrs[MODULES_MAX] = {0};
    size_t n;

    if ((!l->head && find_head(g, &l->head, e)) || walk(g, l->head, addrs, &n, e))
        return -1;
    l->list = calloc(n + 1, sizeof *l->list);
    l->parts = calloc(n + 1, sizeof *l->parts);
    if (!l->list || !l->parts)
        return err_set(e, EXIT_OTHER, "there is no memory for a list of %zu modules", n);
    l->n = n;
    for (size_t i = 0; i < n; i++)
        read_module(g, l, i, addrs[i]);
    return 0;
}

static struct linux_modlist *current_list(struct linux_guest *g, unsigned generation)
{
    struct linux_modlist *l = g->modules;

    if (!l)
        l = g->modules = calloc(1, sizeof *l);
    if (!l || (l->current && l->generation == generation))
        return l;
    clear(l);
    if (l->generation != generation)
        l->head = 0;
    l->generation = generation;
    if (read_list(g, l, &l->why)) {
        clear(l);
        l->failed = true;
    }
    l->current = true;
    return l;
}

int linux_modules(struct linux_guest *g, const struct linux_module **list, size_t *n, struct err *e)
{
    struct linux_modlist *l;
    size_t nsymbols;

    *list = NULL;
    *n = 0;
    if (linux_symbol_count(g, &nsymbols, e))
        return -1;
    l = current_list(g, linux_generation(g));
    if (!l)
        return err_set(e, EXIT_OTHER, "there is no memory for a list of modules");
    if (l->failed)
        return err_set(e, l->why.status, "%s", l->why.text);
    *list = l->list;
    *n = l->n;
    return 0;
}

/* ---- symbols of all of them ---- */

const struct linux_symbol *linux_module_symbol_at(struct linux_guest *g, uint64_t addr)
{
    const struct linux_module *list;
    size_t n;

    if (linux_modules(g, &list, &n, NULL))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (within(&g->modules->parts[i], addr))
            return linux_symbol_in(list[i].symbols, list[i].nsymbols, addr);
    return NULL;
}

const struct linux_symbol *linux_module_symbol_named(struct linux_guest *g, const char *name)
{
    const struct linux_module *list;
    size_t n;

    if (linux_modules(g, &list, &n, NULL))
        return NULL;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < list[i].nsymbols; j++)
            if (strcmp(list[i].symbols[j].name, name) == 0)
                return &list[i].symbols[j];
    return NULL;
}

void linux_forget_modules(struct linux_guest *g, enum linux_forget what)
{
    if (!g->modules)
        return;
    clear(g->modules);
    if (what == FORGET_ALL) {
        free(g->modules);
        g->modules = NULL;
    }
}
