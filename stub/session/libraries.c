/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which libraries there are, and the files that are made for them. A name tells everything by which a file
 * differs from others: a debugger that knows the name has the right file, and need not read it again. Files
 * are made when they are opened, once for each name, and kept as long as the name is in the list. */
#include "libraries.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "synthetic.h"
#include "zgdbd/log.h"

#define MODULES_MAX 512u
#define LIBRARIES_MAX (MODULES_MAX + 2u)
#define LIBRARY_NAME 160u

enum library_kind {
    LIBRARY_KERNEL,  /* made from the kernel's own tables */
    LIBRARY_VMLINUX, /* the file of --symbols, put where the kernel is */
    LIBRARY_MODULE,
    LIBRARY_REST, /* how to unwind code of which nothing is known */
};

struct library {
    enum library_kind kind;
    char name[LIBRARY_NAME];
    const char *path; /* of LIBRARY_VMLINUX, in place of name */
    uint64_t start, end;
    uint64_t offset;  /* to what the file says */
    uint64_t dynamic; /* where its .dynamic is, or 0 */
};

struct served_file {
    struct served_file *next;
    unsigned users;
    char *name;
    const struct exec_file *file; /* or NULL, and it is in memory: */
    uint8_t *data;
    size_t size;
};

struct libraries {
    bool current;
    uint64_t signature; /* of all names */
    size_t n;
    struct library list[LIBRARIES_MAX];
    struct served_file *files;
};

struct libraries *libraries_create(void)
{
    return calloc(1, sizeof(struct libraries));
}

static void free_file(struct served_file *f)
{
    free(f->data);
    free(f->name);
    free(f);
}

void libraries_destroy(struct libraries *l)
{
    while (l && l->files) {
        struct served_file *f = l->files;
        l->files = f->next;
        free_file(f);
    }
    free(l);
}

/* ---- the list ---- */

static const char *name_of(const struct library *l)
{
    return l->path ? l->path : l->name;
}

static struct library *add(struct libraries *l, enum library_kind kind, uint64_t start, uint64_t end)
{
    struct library *made = &l->list[l->n++];
    *made = (struct library){.kind = kind, .start = start, .end = end};
    return made;
}

/* Words of the guest's in a path and in XML. */
static void clean(char *word)
{
    for (; *word; word++)
        if (!isalnum((unsigned char)*word) && !strchr("_.+~-", *word))
            *word = '_';
}

static void set_name(struct library *l, const char *before, const char *word, const char *behind)
{
    char clean_word[80];
    snprintf(clean_word, sizeof clean_word, "%s", word);
    clean(clean_word);
    snprintf(l->name, sizeof l->name, "/zgdbd/%s%s%s@%llx", before, clean_word, behind,
             (unsigned long long)l->start);
}

/* With the user's own vmlinux it is known where it lies as soon as the loader has placed it. */
static bool add_vmlinux(struct target *t, const struct linux_facts *facts)
{
    const struct exec_file *file = exec_file_library(t->exec);
    uint64_t start, end;
    struct library *l;
    if (!file || !(facts->state == LINUX_READABLE || facts->has_kaslr) ||
        exec_file_extent(file, &start, &end))
        return false;
    l = add(t->libraries, LIBRARY_VMLINUX, start + facts->kaslr_offset, end + facts->kaslr_offset);
    l->path = exec_file_path(file);
    l->offset = facts->kaslr_offset;
    l->dynamic = exec_file_dynamic(file);
    l->dynamic += l->dynamic ? l->offset : 0;
    return true;
}

static void add_kernel(struct target *t, const struct linux_facts *facts)
{
    const struct linux_symbol *list;
    uint64_t start, end;
    struct err e;
    size_t n;
    if (facts->state != LINUX_READABLE)
        return;
    if (linux_symbols(t->linux_guest, &list, &n, &e)) {
        log_msg(LOG_WARNING, "%s", e.text);
        return;
    }
    if (linux_code_extent(list, n, &start, &end))
        set_name(add(t->libraries, LIBRARY_KERNEL, start, end), "linux-", facts->release, "");
}

static void add_modules(struct target *t)
{
    const struct linux_module *list;
    struct err e;
    size_t n;
    if (linux_facts(t->linux_guest)->state != LINUX_READABLE || linux_modules(t->linux_guest, &list, &n, &e))
        return;
    for (size_t i = 0; i < n && i < MODULES_MAX; i++)
        if (list[i].nsymbols && list[i].size)
            set_name(add(t->libraries, LIBRARY_MODULE, list[i].base, list[i].base + list[i].size), "",
                     list[i].name, ".ko");
}

static uint64_t hash(uint64_t h, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3ULL;
    return h;
}

#define HASH_START 0xcbf29ce484222325ULL

/* Where a program with debug information is at hand it is not needed. */
static void add_rest(struct target *t)
{
    struct libraries *l = t->libraries;
    uint64_t h = HASH_START;
    if (!exec_file_is_synthetic(t->exec))
        return;
    for (size_t i = 0; i < l->n; i++) {
        h = hash(h, &l->list[i].start, sizeof l->list[i].start);
        h = hash(h, &l->list[i].end, sizeof l->list[i].end);
    }
    struct library *rest = add(l, LIBRARY_REST, 0, 0);
    snprintf(rest->name, sizeof rest->name, "/zgdbd/unknown-code-%08x", (unsigned)h);
}

static bool is_listed(const struct libraries *l, const char *name)
{
    size_t i = 0;
    while (i < l->n && strcmp(name_of(&l->list[i]), name) != 0)
        i++;
    return i < l->n;
}

/* Files that nobody can ask for again. */
static void tidy(struct libraries *l)
{
    for (struct served_file **at = &l->files; *at;) {
        struct served_file *f = *at;
        if (f->users || f->file || is_listed(l, f->name)) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        free_file(f);
    }
}

static void look(struct target *t)
{
    struct libraries *l = t->libraries;
    const struct linux_facts *facts = linux_facts(t->linux_guest);
    if (l->current)
        return;
    l->n = 0;
    if (!add_vmlinux(t, facts))
        add_kernel(t, facts);
    add_modules(t);
    add_rest(t);
    l->signature = HASH_START;
    for (size_t i = 0; i < l->n; i++) {
        l->signature = hash(l->signature, name_of(&l->list[i]), strlen(name_of(&l->list[i])) + 1);
        l->signature = hash(l->signature, &l->list[i].start, sizeof l->list[i].start);
    }
    l->current = true;
    tidy(l);
}

void libraries_changed(struct target *t)
{
    t->libraries->current = false;
}

bool libraries_due(struct target *t)
{
    if (!t->session || !t->session->reads_libraries)
        return false;
    look(t);
    return t->session->libraries_told != t->libraries->signature;
}

void libraries_told(struct target *t)
{
    look(t);
    t->session->libraries_told = t->libraries->signature;
}

/* By how much it lies elsewhere than the file says, and for those without such a thing where it begins. */
static void put_library(FILE *f, const struct library *l, size_t number, bool svr4)
{
    unsigned long long start = l->start, offset = l->offset, dynamic = l->dynamic;
    fputs("<library name=\"", f);
    xml_put(f, name_of(l));
    if (svr4)
        fprintf(f, "\" lm=\"0x%zx\" lmid=\"0x0\" l_addr=\"0x%llx\" l_ld=\"0x%llx\"/>\n", number, offset,
                dynamic);
    else
        fprintf(f, "\"><segment address=\"0x%llx\"/></library>\n", start);
}

char *libraries_document(struct target *t, bool svr4, size_t *len)
{
    const struct libraries *l = t->libraries;
    const char *element = svr4 ? "library-list-svr4" : "library-list";
    char *text = NULL;
    FILE *f = open_memstream(&text, len);
    if (!f)
        return NULL;
    look(t);
    fprintf(f, "<%s version=\"1.0\">\n", element);
    for (size_t i = 0; i < l->n; i++)
        put_library(f, &l->list[i], i + 1, svr4);
    fprintf(f, "</%s>\n", element);
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

/* ---- files ---- */

/* A vmlinux has frame information of its own, but none of its code in assembler: to gdb chains end there. */
static uint8_t *make_rest(const struct libraries *l, size_t *size)
{
    struct range known[LIBRARIES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->list[i].kind == LIBRARY_KERNEL || l->list[i].kind == LIBRARY_MODULE)
            known[n++] = (struct range){l->list[i].start, l->list[i].end};
    return synthetic_unknown_code(known, n, size);
}

static uint8_t *make_module(struct target *t, const struct library *wanted, size_t *size, struct err *e)
{
    const struct linux_module *list;
    size_t n;
    if (linux_modules(t->linux_guest, &list, &n, e))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (list[i].base == wanted->start)
            return linux_symbol_file(t->linux_guest, &list[i], size, e);
    err_set(e, EXIT_OTHER, "the module is no longer there");
    return NULL;
}

static uint8_t *make(struct target *t, const struct library *l, size_t *size)
{
    struct err e = {.text = "no memory"};
    uint8_t *data;
    if (l->kind == LIBRARY_KERNEL)
        data = linux_symbol_file(t->linux_guest, NULL, size, &e);
    else if (l->kind == LIBRARY_MODULE)
        data = make_module(t, l, size, &e);
    else
        data = make_rest(t->libraries, size);
    if (!data)
        log_msg(LOG_WARNING, "%s cannot be made for the debugger: %s", l->name, e.text);
    return data;
}

/* One that is in the list, or the program itself. */
static struct served_file *new_file(struct target *t, const char *name, unsigned *error)
{
    struct libraries *l = t->libraries;
    struct served_file *f = calloc(1, sizeof *f);
    const struct library *wanted = NULL;
    *error = RSP_EIO;
    if (!f || !(f->name = strdup(name)))
        goto fail;
    for (size_t i = 0; i < l->n && l->current; i++)
        if (strcmp(name_of(&l->list[i]), name) == 0)
            wanted = &l->list[i];
    *error = wanted || strcmp(name, exec_file_path(t->exec)) == 0 ? RSP_EIO : RSP_ENOENT;
    if (strcmp(name, exec_file_path(t->exec)) == 0)
        f->file = t->exec;
    else if (wanted && wanted->kind == LIBRARY_VMLINUX)
        f->file = exec_file_library(t->exec);
    else if (wanted && !target_stands(t))
        *error = RSP_EBUSY;
    else if (wanted)
        f->data = make(t, wanted, &f->size);
    if (!f->file && !f->data)
        goto fail;
    f->next = l->files;
    l->files = f;
    return f;
fail:
    if (f)
        free_file(f);
    return NULL;
}

struct served_file *served_open(struct target *t, const char *name, unsigned *error)
{
    struct served_file *f = t->libraries->files;
    while (f && strcmp(f->name, name) != 0)
        f = f->next;
    if (!f)
        f = new_file(t, name, error);
    if (f)
        f->users++;
    return f;
}

void served_close(struct target *t, struct served_file *f)
{
    f->users--;
    tidy(t->libraries);
}

uint64_t served_size(const struct served_file *f)
{
    return f->file ? exec_file_size(f->file) : f->size;
}

long served_pread(const struct served_file *f, void *buf, size_t len, uint64_t offset)
{
    if (f->file)
        return exec_file_pread(f->file, buf, len, offset);
    if (offset >= f->size)
        return 0;
    if (len > f->size - offset)
        len = f->size - offset;
    memcpy(buf, f->data + offset, len);
    return (long)len;
}
