/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor` commands about the Linux that the guest is: what is known of it, its symbols and its modules. */
#include <string.h>

#include "libraries.h"
#include "monitor.h"

static void put_place(const struct linux_facts *f, struct text *out)
{
    if (f->has_kaslr)
        put(out, "KASLR offset: 0x%llx\n", (unsigned long long)f->kaslr_offset);
    if (f->has_phys_offset)
        put(out, "in storage at: 0x%llx; identity mapping at: 0x%llx\n", (unsigned long long)f->phys_offset,
            (unsigned long long)f->identity_base);
}

static void put_state(struct session *s, struct text *out)
{
    struct linux_guest *g = s->target->linux_guest;
    const struct linux_facts *f = linux_facts(g);
    const struct linux_symbol *list;
    struct err e;
    size_t n;
    if (f->state == LINUX_UNKNOWN)
        put(out, "No Linux kernel is known here: nothing at absolute 0xe0c leads to one (yet).\n");
    else if (f->state == LINUX_PLACED)
        put(out, "A Linux kernel has been placed, and cannot tell more of itself yet.\n");
    else
        put(out, "Linux %s%s%s, vmcoreinfo at absolute 0x%llx\n", f->release,
            f->build_id[0] ? ", build id " : "", f->build_id, (unsigned long long)f->note);
    put_place(f, out);
    if (f->state != LINUX_READABLE)
        return;
    if (linux_symbols(g, &list, &n, &e))
        put(out, "%s\n", e.text);
    else
        put(out, "symbols of the kernel: %zu, from 0x%llx to 0x%llx\n", n, (unsigned long long)list[0].addr,
            (unsigned long long)list[n - 1].addr);
}

static void put_symbol(struct linux_guest *g, uint64_t addr, struct text *out)
{
    char text[LINUX_NAME_BYTES + 128];
    struct linux_symbol s;
    if (linux_symbol_at(g, addr, &s))
        put(out, "0x%llx %s\n", (unsigned long long)addr, linux_symbolise(g, addr, text, sizeof text));
    else
        put(out, "0x%llx is in no symbol.\n", (unsigned long long)addr);
}

static const char *gdb_knows(const struct session *s)
{
    if (!s->reads_libraries)
        return "The debugger has not asked for symbols.";
    if (s->target->non_stop)
        return "In non-stop the debugger learns of new symbols by `sharedlibrary`.";
    return libraries_due(s->target)
               ? "gdb learns of them as libraries when it next resumes the guest."
               : "gdb has them, as far as there are any, as libraries (info sharedlibrary).";
}

bool mon_panic_stop(struct session *s, const char *args, struct text *out)
{
    bool off = strcmp(args, "off") == 0;
    if (*args && !off && strcmp(args, "on") != 0)
        return false;
    if (*args)
        s->target->symbols.no_panic_stop = off;
    put(out, "panic-stop is %s\n",
        s->target->symbols.no_panic_stop
            ? "off: a panic stops the guest at its end."
            : "on: the first instruction of panic() stops the guest, once its symbols can be read.");
    return true;
}

bool mon_symbols(struct session *s, const char *args, struct text *out)
{
    struct linux_guest *g = s->target->linux_guest;
    uint64_t addr;
    const char *rest;
    if (!*args) {
        put_state(s, out);
        put(out, "%s\n", gdb_knows(s));
    } else if (take_number(args, &addr, &rest))
        return *rest == 0 && (put_symbol(g, addr, out), true);
    else if (linux_symbol_named(g, args, &addr))
        put(out, "0x%llx %s\n", (unsigned long long)addr, args);
    else
        put(out, "No symbol is called \"%.*s\".\n", LINUX_NAME_BYTES, args);
    return true;
}

void mon_modules(struct session *s, struct text *out)
{
    const struct linux_module *list;
    struct err e;
    size_t n;
    bool guessed = false;
    if (linux_modules(s->target->linux_guest, &list, &n, &e)) {
        put(out, "%s\n", e.text);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        put(out, "%-24s 0x%llx, %llu bytes of code%s, %zu symbols\n", list[i].name,
            (unsigned long long)list[i].base, (unsigned long long)list[i].size,
            list[i].guessed ? " (guessed)" : "", list[i].nsymbols);
        guessed |= list[i].guessed;
    }
    if (n == 0)
        put(out, "No module is loaded.\n");
    if (guessed)
        put(out, "guessed: found in struct module by its looks\n");
}
