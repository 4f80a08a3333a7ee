/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor catch` and `monitor uncatch`: what the user wants to stop at, in words, and the catchpoints in
 * words again. */
#include <stdio.h>
#include <string.h>

#include "monitor.h"
#include "registry.h"
#include "zgdbd/interruption.h"
#include "zgdbd/trace.h"

/* ---- kinds and codes ---- */

struct kind {
    const char *name;
    uint32_t max; /* the highest code; 0: it has none */
    int names;    /* enum code_kind, or one of these: */
    unsigned digits;
};

enum {
    NAMES_NONE = -1, /* decimal numbers */
    NAMES_EXITS = -2,
};

static const struct kind kinds[CATCH_KINDS] = {
    [CATCH_PROGRAM] = {"program", 0xffff, CODES_PROGRAM, 4},
    [CATCH_SVC] = {"svc", 0xff, NAMES_NONE, 0},
    [CATCH_EXTERNAL] = {"external", 0xffff, CODES_EXTERNAL, 4},
    [CATCH_IO] = {"io", 0xffff, NAMES_NONE, 0},
    [CATCH_MACHINE_CHECK] = {"machine-check", 0, NAMES_NONE, 0},
    [CATCH_RESTART] = {"restart", 0, NAMES_NONE, 0},
    [CATCH_WAIT] = {"wait", 0, NAMES_NONE, 0},
    [CATCH_DIAG] = {"diag", 0xffff, CODES_DIAG, 3},
    [CATCH_SIGP] = {"sigp", 0xff, CODES_SIGP, 2},
    [CATCH_SERVICE_CALL] = {"service-call", 0xffffffff, CODES_SERVICE_CALL, 8},
    [CATCH_EXIT] = {"exit", EXIT_KINDS - 1, NAMES_EXITS, 0},
};

static const char *name_of(const struct kind *kind, uint32_t code)
{
    if (kind->names == NAMES_EXITS)
        return exit_kind_name((enum exit_kind)code);
    return kind->names == NAMES_NONE ? NULL : code_name((enum code_kind)kind->names, code);
}

/* ---- what was typed ---- */

#define BLANKS " \t,"

/* What is still to be read, by words, and why it cannot be. */
struct line {
    const char *at;
    size_t len; /* of the word at `at`; 0: there is none */
    struct err e;
};

static void first_word(struct line *l, const char *at)
{
    l->at = at + strspn(at, BLANKS);
    l->len = strcspn(l->at, BLANKS);
}

static void next_word(struct line *l)
{
    first_word(l, l->at + l->len);
}

static bool is_word(const struct line *l, const char *word)
{
    return l->len == strlen(word) && memcmp(l->at, word, l->len) == 0;
}

/* As much of it as an error text shows. */
static int shown(const struct line *l)
{
    return l->len < 64 ? (int)l->len : 64;
}

static bool number(const struct line *l, uint64_t *value)
{
    return word_is_number(l->at, l->len, value);
}

/* The names that begin with the first len characters at l->at. */
static const char *list_kinds(const struct line *l, size_t len, char *list, size_t size)
{
    size_t at = 0;
    *list = '\0';
    for (unsigned i = 0; i < CATCH_KINDS && at < size; i++)
        if (strncmp(kinds[i].name, l->at, len) == 0)
            at += (size_t)snprintf(list + at, size - at, "%s%s", at ? ", " : "", kinds[i].name);
    return list;
}

/* A name may be shortened as long as it remains clear. */
static int parse_kind(struct line *l, struct catchpoint *out)
{
    char list[160];
    unsigned n = 0;
    if (!l->len || is_word(l, "if"))
        return err_set(&l->e, EXIT_OTHER, "what is to be caught is missing: one of %s",
                       list_kinds(l, 0, list, sizeof list));
    for (unsigned i = 0; i < CATCH_KINDS; i++)
        if (strncmp(kinds[i].name, l->at, l->len) == 0) {
            out->kind = (enum catch_kind)i;
            n++;
        }
    if (n == 0)
        return err_set(&l->e, EXIT_OTHER, "\"%.*s\" is nothing that can be caught; what can: %s", shown(l),
                       l->at, list_kinds(l, 0, list, sizeof list));
    if (n > 1)
        return err_set(&l->e, EXIT_OTHER, "\"%.*s\" may be %s", shown(l), l->at,
                       list_kinds(l, l->len, list, sizeof list));
    next_word(l);
    return 0;
}

/* Exits that are the debugger's own are no events of the guest. */
static int parse_exit(struct line *l, uint32_t *code)
{
    char word[64];
    unsigned set;
    snprintf(word, sizeof word, "%.*s", shown(l), l->at);
    if (exit_kinds_parse(word, &set, &l->e))
        return -1;
    *code = (uint32_t)__builtin_ctz(set);
    if (*code == EXIT_DEBUG || *code == EXIT_KICK)
        return err_set(&l->e, EXIT_OTHER, "exits for %s are not the guest's doing and cannot be caught",
                       exit_kind_name((enum exit_kind) * code));
    return 0;
}

static int parse_code(struct line *l, const struct kind *kind, uint32_t *code)
{
    uint64_t value;
    if (kind->names == NAMES_EXITS)
        return parse_exit(l, code);
    if (kind->names >= 0 && code_named((enum code_kind)kind->names, l->at, l->len, code))
        return 0;
    if (!number(l, &value))
        return err_set(&l->e, EXIT_OTHER, "\"%.*s\" is no code of %s: give %s number such as 0x10 or 16",
                       shown(l), l->at, kind->name, kind->names == NAMES_NONE ? "a" : "its name or a");
    if (value > kind->max)
        return err_set(&l->e, EXIT_OTHER, "codes of %s go up to 0x%x: %.*s is more", kind->name, kind->max,
                       shown(l), l->at);
    *code = (uint32_t)value;
    return 0;
}

/* Up to the end, or `if`. */
static int parse_codes(struct line *l, struct catchpoint *out)
{
    const struct kind *kind = &kinds[out->kind];
    while (l->len && !is_word(l, "if")) {
        if (!kind->max)
            return err_set(&l->e, EXIT_OTHER, "%s has no codes: \"%.*s\" means nothing there", kind->name,
                           shown(l), l->at);
        if (out->ncodes == CATCH_CODES_MAX)
            return err_set(&l->e, EXIT_OTHER, "a catchpoint has at most %u codes; make another one",
                           CATCH_CODES_MAX);
        if (parse_code(l, kind, &out->codes[out->ncodes++]))
            return -1;
        next_word(l);
    }
    return 0;
}

static int parse_skip(struct line *l, struct catchpoint *out)
{
    next_word(l);
    if (l->len && *l->at == '-')
        return err_set(&l->e, EXIT_OTHER, "after must be followed by a number that is not negative: %.*s is",
                       shown(l), l->at);
    if (!number(l, &out->skip))
        return err_set(&l->e, EXIT_OTHER, "after must be followed by the number of hits to let pass");
    next_word(l);
    return 0;
}

/* [once] [after N] KIND [CODE...] [if EXPRESSION] */
static int parse(struct line *l, struct catchpoint *out, bool *once, const char **condition)
{
    *out = (struct catchpoint){.skip = 0};
    *once = false;
    *condition = NULL;
    for (;;)
        if (is_word(l, "once")) {
            *once = true;
            next_word(l);
        } else if (!is_word(l, "after")) {
            break;
        } else if (parse_skip(l, out)) {
            return -1;
        }
    if (parse_kind(l, out) || parse_codes(l, out))
        return -1;
    if (l->len) {
        *condition = l->at + l->len + strspn(l->at + l->len, " \t");
        if (!**condition)
            return err_set(&l->e, EXIT_OTHER, "if must be followed by an expression");
    }
    return 0;
}

/* ---- in words ---- */

static void put_code(const struct kind *kind, uint32_t code, struct text *out)
{
    const char *name = name_of(kind, code);
    if (kind->names == NAMES_EXITS)
        put(out, "%s", name);
    else if (kind->names == NAMES_NONE)
        put(out, "%u", code);
    else
        put(out, "0x%0*x%s%s%s", (int)kind->digits, code, name ? " (" : "", name ? name : "",
            name ? ")" : "");
}

static void put_catch(const struct catch *c, struct text *out)
{
    const struct kind *kind = &kinds[c->point.kind];
    put(out, "catchpoint %u: %s", c->point.number, kind->name);
    for (unsigned i = 0; i < c->point.ncodes; i++) {
        put(out, i ? ", " : " ");
        put_code(kind, c->point.codes[i], out);
    }
    if (c->once)
        put(out, "; once");
    if (c->point.skip)
        put(out, "; after %llu", (unsigned long long)c->point.skip);
    if (c->condition)
        put(out, "; if %s", c->condition);
}

static void put_list(const struct registry *r, struct text *out)
{
    for (size_t i = 0; i < r->ncatches; i++) {
        const struct catch *c = r->catches[i];
        put_catch(c, out);
        put(out, ": reached %llu, hit %llu\n", (unsigned long long)atomic_load(&c->counts.reached),
            (unsigned long long)atomic_load(&c->counts.hits));
    }
    if (r->ncatches == 0)
        put(out, "There are no catchpoints.\n");
}

static void put_made(const struct catch *c, struct text *out)
{
    put_catch(c, out);
    put(out, "%s\n",
        c->point.kind <= CATCH_RESTART ? "; stops at the first instruction of the handler"
                                       : "; stops before it is carried out");
}

/* ---- the commands ---- */

bool mon_catch(struct session *s, const char *args, struct text *out)
{
    struct registry *r = s->target->registry;
    struct line l = {.len = 0};
    struct catchpoint what;
    const char *condition;
    bool once;
    if (!*args) {
        put_list(r, out);
        return true;
    }
    first_word(&l, args);
    struct catch *made =
        parse(&l, &what, &once, &condition) ? NULL : catch_add(r, &what, condition, once, &l.e);
    if (made)
        put_made(made, out);
    else
        put(out, "Nothing is caught: %s\n", l.e.text);
    return true;
}

bool mon_uncatch(struct session *s, const char *args, struct text *out)
{
    struct registry *r = s->target->registry;
    struct line l;
    uint64_t n;
    first_word(&l, args);
    if (is_word(&l, "all")) {
        catch_clear(r);
        put(out, "There are no catchpoints any more.\n");
        return true;
    }
    if (!number(&l, &n) || l.at[l.len])
        return false;
    if (n > UINT32_MAX)
        n = 0; /* none has this number either */
    if (catch_remove(r, (unsigned)n, &l.e))
        put(out, "Nothing is removed: %s\n", l.e.text);
    else
        put(out, "Catchpoint %u is removed.\n", (unsigned)n);
    return true;
}
