/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading of the compressed tables that the kernel keeps of its symbols (kernel/kallsyms.c and
 * scripts/kallsyms.c of Linux; 6.0 and later name them in vmcoreinfo), in large pieces, and what is in them.
 */
#include <stdlib.h>
#include <string.h>

#include "kallsyms.h"
#include "zgdbd/bytes.h"

#define SYMBOLS_MAX 0x100000u /* Debian's kernels have 35000 (6.1) and 81000 (6.12) */
#define NAMES_MAX (32u << 20) /* bytes of all names together, compressed */
#define WINDOW 0x10000u

#define UNREADABLE(what) "the kernel's symbols cannot be read: " what

/* ---- tokens ---- */

/* What a name is made of is looked at here, once, and not for each name again. */
static int check_token(struct kallsyms_tables *t, unsigned i, size_t have, struct err *e)
{
    size_t len = 0;

    while (t->token[i] + len < have && t->token_table[t->token[i] + len]) {
        uint8_t c = t->token_table[t->token[i] + len++];
        if (c <= ' ' || c > '~')
            return err_set(e, EXIT_OTHER, UNREADABLE("token %u is no text"), i);
    }
    if (t->token[i] + len >= have || len >= LINUX_NAME_BYTES)
        return err_set(e, EXIT_OTHER, UNREADABLE("token %u has no end"), i);
    t->token_len[i] = (uint16_t)len;
    return 0;
}

static int read_tokens(struct linux_guest *g, struct kallsyms_tables *t, struct err *e)
{
    uint8_t index[TOKENS * 2];
    uint64_t table, at;
    size_t have, want = 0;

    if (!linux_vmcoreinfo(g, "SYMBOL(kallsyms_token_table)", &table) ||
        !linux_vmcoreinfo(g, "SYMBOL(kallsyms_token_index)", &at))
        return err_set(e, EXIT_OTHER,
                       UNREADABLE("vmcoreinfo does not name their tables, as Linux 6.0 and later do"));
    if (linux_read(g, at, index, sizeof index) != sizeof index)
        return err_set(e, EXIT_OTHER, UNREADABLE("kallsyms_token_index is at 0x%llx, where no memory is"),
                       (unsigned long long)at);
    for (unsigned i = 0; i < TOKENS; i++) {
        t->token[i] = load_be16(index + 2 * (size_t)i);
        want = t->token[i] > want ? t->token[i] : want;
    }
    want += LINUX_NAME_BYTES;
    t->token_table = malloc(want);
    if (!t->token_table)
        return err_set(e, EXIT_OTHER, UNREADABLE("there is no memory for their tokens"));
    have = linux_read(g, table, t->token_table, want);
    for (unsigned i = 0; i < TOKENS; i++)
        if (check_token(t, i, have, e))
            return -1;
    return 0;
}

/* ---- addresses ---- */

/* *at is where they are. */
static int find_addresses(struct linux_guest *g, struct kallsyms_tables *t, uint64_t *at, struct err *e)
{
    uint64_t base;

    if (linux_vmcoreinfo(g, "SYMBOL(kallsyms_addresses)", at)) {
        t->encoding = ABSOLUTE;
        return 0;
    }
    if (!linux_vmcoreinfo(g, "SYMBOL(kallsyms_offsets)", at))
        return err_set(e, EXIT_OTHER,
                       UNREADABLE("vmcoreinfo names neither kallsyms_offsets nor kallsyms_addresses"));
    t->base = *at;
    t->encoding = PLACE_RELATIVE;
    if (!linux_vmcoreinfo(g, "SYMBOL(kallsyms_relative_base)", &base))
        return 0;
    t->encoding = BASE_RELATIVE;
    if (linux_read_u64(g, base, &t->base))
        return 0;
    return err_set(e, EXIT_OTHER, UNREADABLE("kallsyms_relative_base is at 0x%llx, where no memory is"),
                   (unsigned long long)base);
}

static int read_addresses(struct linux_guest *g, struct kallsyms_tables *t, struct err *e)
{
    uint64_t at;
    size_t bytes;

    if (find_addresses(g, t, &at, e))
        return -1;
    bytes = t->n * (t->encoding == ABSOLUTE ? 8 : 4);
    t->addresses = malloc(bytes);
    if (!t->addresses)
        return err_set(e, EXIT_OTHER, UNREADABLE("there is no memory for %zu of them"), t->n);
    if (linux_read(g, at, t->addresses, bytes) != bytes)
        return err_set(e, EXIT_OTHER, UNREADABLE("not all of the addresses of %zu are in memory"), t->n);
    return 0;
}

/* On s390 offsets from a base are unsigned: CONFIG_KALLSYMS_ABSOLUTE_PERCPU is of x86. */
uint64_t kallsyms_address(const struct kallsyms_tables *t, size_t i)
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

/* What of the guest's table of names has been read and not been looked at. */
struct stream {
    struct linux_guest *g;
    uint64_t addr; /* of what comes behind the window */
    size_t at, have;
    size_t room; /* of the tables' names */
    uint8_t window[WINDOW];
};

/* Makes sure that what is in the window holds a whole name, if that is in memory. */
static void fill(struct stream *s)
{
    size_t left = s->have - s->at, n;

    if (left >= 2 + LINUX_NAME_BYTES)
        return;
    memmove(s->window, s->window + s->at, left);
    n = linux_read(s->g, s->addr, s->window + left, WINDOW - left);
    s->addr += n;
    s->at = 0;
    s->have = left + n;
}

/* Tokens of the next name: a length byte, or two from 6.1 on where the first has its highest bit set. 0 if
 * there is no such name. */
static size_t next_name(struct stream *s)
{
    size_t len;

    fill(s);
    if (s->have - s->at < 2)
        return 0;
    len = s->window[s->at++];
    if (len & 0x80)
        len = (len & 0x7f) | (size_t)s->window[s->at++] << 7;
    return len <= LINUX_NAME_BYTES && len <= s->have - s->at ? len : 0;
}

/* Room for one more name. */
static bool grow(struct kallsyms_tables *t, struct stream *s, size_t used)
{
    uint8_t *names;

    if (s->room - used >= LINUX_NAME_BYTES)
        return true;
    if (s->room >= NAMES_MAX)
        return false;
    s->room = s->room ? 2 * s->room : 16 * t->n + LINUX_NAME_BYTES;
    names = realloc(t->names, s->room);
    if (names)
        t->names = names;
    return names != NULL;
}

static int take_names(struct kallsyms_tables *t, struct stream *s, struct err *e)
{
    size_t used = 0;

    for (size_t i = 0; i < t->n; i++) {
        size_t len = next_name(s);
        if (!len || !t->token_len[s->window[s->at]])
            return err_set(e, EXIT_OTHER, UNREADABLE("the name of number %zu of %zu is damaged"), i + 1,
                           t->n);
        if (!grow(t, s, used))
            return err_set(e, EXIT_OTHER, UNREADABLE("there is no room for the names of %zu of them"), t->n);
        memcpy(t->names + used, s->window + s->at, len);
        t->name_at[i] = (uint32_t)used;
        s->at += len;
        used += len;
    }
    t->name_at[t->n] = (uint32_t)used;
    return 0;
}

static int read_names(struct linux_guest *g, struct kallsyms_tables *t, uint64_t addr, struct err *e)
{
    struct stream *s = calloc(1, sizeof *s);
    int rc;

    t->name_at = calloc(t->n + 1, sizeof *t->name_at);
    if (s && t->name_at) {
        s->g = g;
        s->addr = addr;
        rc = take_names(t, s, e);
    } else {
        rc = err_set(e, EXIT_OTHER, UNREADABLE("there is no memory for the names of %zu of them"), t->n);
    }
    free(s);
    return rc;
}

char kallsyms_type(const struct kallsyms_tables *t, size_t i)
{
    return (char)t->token_table[t->token[t->names[t->name_at[i]]]];
}

size_t kallsyms_name(const struct kallsyms_tables *t, size_t i, char out[LINUX_NAME_BYTES])
{
    size_t n = 0, skip = 1; /* the first character is the type */

    for (uint32_t at = t->name_at[i]; at < t->name_at[i + 1]; at++, skip = 0) {
        uint8_t byte = t->names[at];
        size_t len = t->token_len[byte] - skip;
        if (len >= LINUX_NAME_BYTES - n)
            return 0;
        memcpy(out + n, t->token_table + t->token[byte] + skip, len);
        n += len;
    }
    out[n] = 0;
    return n ? n + 1 : 0;
}

/* Whether a name has `rest` behind its first token, which the caller has compared. */
static bool goes_on(const struct kallsyms_tables *t, size_t i, const char *rest)
{
    for (uint32_t at = t->name_at[i] + 1; at < t->name_at[i + 1]; at++) {
        size_t len = t->token_len[t->names[at]];
        if (strncmp(rest, (const char *)t->token_table + t->token[t->names[at]], len) != 0)
            return false;
        rest += len;
    }
    return *rest == 0;
}

size_t kallsyms_find(const struct kallsyms_tables *t, const char *name, size_t i)
{
    uint16_t used[TOKENS]; /* characters of name in each token, as the first; UINT16_MAX: it cannot be */
    size_t len = strlen(name);

    for (unsigned byte = 0; byte < TOKENS; byte++) {
        size_t n = t->token_len[byte];
        bool fits = n && n - 1 <= len && memcmp(name, t->token_table + t->token[byte] + 1, n - 1) == 0;
        used[byte] = (uint16_t)(fits ? n - 1 : UINT16_MAX);
    }
    for (; i < t->n; i++) {
        uint16_t n = used[t->names[t->name_at[i]]];
        if (n != UINT16_MAX && goes_on(t, i, name + n))
            break;
    }
    return i;
}

/* ---- all of it ---- */

/* vmcoreinfo tells one address by itself: if no symbol is there, the tables mean something else. */
static int check_place(struct linux_guest *g, const struct kallsyms_tables *t, struct err *e)
{
    uint64_t stext;

    if (!linux_vmcoreinfo(g, "SYMBOL(_stext)", &stext))
        return 0;
    for (size_t i = 0; i < t->n; i++)
        if (kallsyms_address(t, i) == stext)
            return 0;
    return err_set(e, EXIT_OTHER, UNREADABLE("none of the %zu is at 0x%llx, where vmcoreinfo has _stext"),
                   t->n, (unsigned long long)stext);
}

static int read_count(struct linux_guest *g, struct kallsyms_tables *t, uint64_t *names, struct err *e)
{
    uint64_t at;
    uint32_t n;

    if (!linux_vmcoreinfo(g, "SYMBOL(kallsyms_num_syms)", &at) ||
        !linux_vmcoreinfo(g, "SYMBOL(kallsyms_names)", names))
        return err_set(e, EXIT_OTHER,
                       UNREADABLE("vmcoreinfo does not name their tables, as Linux 6.0 and later do"));
    if (!linux_read_u32(g, at, &n))
        return err_set(e, EXIT_OTHER, UNREADABLE("kallsyms_num_syms is at 0x%llx, where no memory is"),
                       (unsigned long long)at);
    if (n == 0 || n > SYMBOLS_MAX)
        return err_set(e, EXIT_OTHER, UNREADABLE("%u are said to be there, and not up to %u"), n,
                       SYMBOLS_MAX);
    t->n = n;
    return 0;
}

int kallsyms_read(struct linux_guest *g, struct kallsyms_tables *t, struct err *e)
{
    uint64_t names;

    if (read_count(g, t, &names, e) || read_tokens(g, t, e) || read_addresses(g, t, e) ||
        check_place(g, t, e))
        return -1;
    return read_names(g, t, names, e);
}

void kallsyms_free(struct kallsyms_tables *t)
{
    free(t->addresses);
    free(t->names);
    free(t->name_at);
    free(t->token_table);
    *t = (struct kallsyms_tables){0};
}
