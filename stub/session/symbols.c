/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a Linux guest is, without its user: the loader has placed the kernel, its symbols can be read, it
 * has loaded a module, it calls panic(). The target learns of it by a word of storage that every plan watches
 * and by breakpoints of its own beside those of the debugger, and tells the log, or the debugger as a change
 * of its libraries, or the user as a stop. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libraries.h"
#include "target.h"
#include "zgdbd/bytes.h"

/* vmcore_info in the lowcore (Linux arch/s390/include/asm/lowcore.h): an odd value is the KASLR offset + 1,
 * an even one the address of an ELF note, which is filled in a moment later. */
#define WORD_ABSOLUTE 0xe0cu
#define LOOKS_AGAIN 200u

#define IMAGE_MAGIC 0x10008u /* of a kernel image */

#define MESSAGE_BYTES 160u
#define STATE_BYTES 192u
#define FUNCTION_BEGIN 64u /* bytes */

static uint64_t read_word(const struct target *t)
{
    uint8_t bytes[8] = {0};
    machine_read_memory(t->machine, 0, SPACE_ABSOLUTE, WORD_ABSOLUTE, bytes, sizeof bytes);
    return load_be64(bytes);
}

/* What is in the word now is of the kernel that has gone. */
void symbols_reset(struct target *t)
{
    struct symbols *s = &t->symbols;
    *s = (struct symbols){.no_panic_stop = s->no_panic_stop, .awaited = s->awaited, .word = read_word(t)};
    libraries_changed(t);
}

/* How far it is, for a state that is worth telling. */
static void describe(const struct linux_facts *f, char *text, size_t size)
{
    char place[64] = "";
    if (f->has_kaslr)
        snprintf(place, sizeof place, "; KASLR offset 0x%" PRIx64, f->kaslr_offset);
    if (f->state == LINUX_READABLE)
        snprintf(text, size, "the symbols of Linux %s can be read%s", f->release, place);
    else
        snprintf(text, size, "the loader has placed the kernel%s", place);
}

void symbols_look(struct target *t)
{
    struct symbols *s = &t->symbols;
    uint64_t word = read_word(t);
    char text[STATE_BYTES];
    if (word == s->word && !s->again)
        return;
    if (word != s->word)
        s->again = LOOKS_AGAIN;
    s->word = word;
    const struct linux_facts *f = linux_facts(t->linux_guest);
    if (!word || (word & 1) || f->state == LINUX_READABLE)
        s->again = 0;
    if (f->state == s->state && f->state != LINUX_READABLE)
        return;
    s->state = f->state;
    s->points_known = false;
    libraries_changed(t);
    if (f->state == LINUX_UNKNOWN)
        return;
    describe(f, text, sizeof text);
    log_msg(LOG_INFO, "%s", text);
}

/* ---- the plan ---- */

/* Looking out for a kernel costs a little. A guest that did not begin as one (IPL_MAGIC of head.S) may still
 * become one: that is then found out at its next stop. */
static void look_at_image(struct target *t)
{
    static const char magic[] = "S390EP";
    char found[sizeof magic - 1];
    if (t->symbols.image_seen)
        return;
    t->symbols.image_seen = true;
    t->symbols.awaited |= machine_read_memory(t->machine, 0, SPACE_ABSOLUTE, IMAGE_MAGIC, found,
                                              sizeof found) == sizeof found &&
                          memcmp(found, magic, sizeof found) == 0;
}

/* An odd address is none of an instruction, and no engine takes it for a breakpoint's. */
static uint64_t address_of(struct target *t, const char *name)
{
    uint64_t addr;
    return linux_symbol_named(t->linux_guest, name, &addr) && !(addr & 1) ? addr : 0;
}

static void find_points(struct target *t)
{
    struct symbols *s = &t->symbols;
    if (s->points_known)
        return;
    s->points_known = true;
    s->panic = address_of(t, "panic");
    s->module_loaded = address_of(t, "do_init_module");
    s->module_freed = address_of(t, "free_module");
}

/* Only if a panic is to stop the guest for the debugger: what it says of itself comes after it was called. */
static bool stops_at_panic(const struct target *t)
{
    enum guest_action action = t->policy.on_panic;
    return !t->symbols.no_panic_stop && (action == ACTION_DEFAULT || action == ACTION_STOP);
}

static bool is_users(const struct target *t, uint64_t addr)
{
    return registry_has_code(t, addr, addr + 2);
}

/* gdb sets a breakpoint at a function behind the instructions with which that begins. */
static bool users_in_function(const struct target *t, uint64_t function)
{
    return registry_has_code(t, function, function + FUNCTION_BEGIN);
}

static void add_point(struct target *t, uint64_t addr, bool wanted)
{
    if (wanted && addr && !is_users(t, addr))
        registry_add_own(t, addr);
}

void symbols_plan(struct target *t)
{
    struct symbols *s = &t->symbols;
    bool libraries = t->session && t->session->reads_libraries && !t->non_stop;
    symbols_look(t);
    look_at_image(t);
    t->plan.word = (struct watched_word){.wanted = s->awaited && s->state != LINUX_READABLE,
                                         .again = s->again,
                                         .absolute = WORD_ABSOLUTE,
                                         .seen = s->word};
    if (s->state != LINUX_READABLE || !t->session)
        return;
    find_points(t);
    add_point(t, s->panic, stops_at_panic(t) && !users_in_function(t, s->panic));
    add_point(t, s->module_loaded, libraries);
    add_point(t, s->module_freed, libraries);
}

bool symbols_relocation(struct target *t, uint64_t *text)
{
    const struct linux_facts *f = linux_facts(t->linux_guest);
    const struct linux_symbol *list;
    uint64_t end;
    struct err e;
    size_t n;
    return f->state == LINUX_READABLE && f->kaslr_offset &&
           linux_symbols(t->linux_guest, &list, &n, &e) == 0 && linux_code_extent(list, n, text, &end);
}

/* ---- stops ---- */

static bool at_own_point(const struct target *t, const struct stop *stop, uint64_t addr)
{
    return stop->reason == STOP_SW_BREAKPOINT && addr && stop->addr == addr && !is_users(t, addr);
}

/* panic(const char *fmt, ...): its first argument is in r2. */
static void make_panic(struct target *t, struct stop *stop)
{
    uint8_t bytes[REG_MAX_BYTES] = {0};
    char format[MESSAGE_BYTES];
    machine_read_reg(t->machine, stop->cpu, REG_R0 + 2, bytes);
    if (!linux_read_string(t->linux_guest, load_be64(bytes), format, sizeof format))
        format[0] = 0;
    stop->reason = STOP_PANIC;
    snprintf(stop->text, sizeof stop->text, "panic() is called: \"%s\"", format);
}

/* Whether the stop is none of the debugger's. */
static bool is_news(struct target *t, struct stop *stop)
{
    struct symbols *s = &t->symbols;
    if (stop->reason == STOP_WORD) {
        s->again -= s->again > 0;
        return true;
    }
    if (at_own_point(t, stop, s->panic)) {
        make_panic(t, stop);
        return !t->session;
    }
    if (!at_own_point(t, stop, s->module_loaded) && !at_own_point(t, stop, s->module_freed))
        return false;
    libraries_changed(t);
    return true;
}

/* --stop-at, once for each life of the guest. */
static bool reaches_place(struct target *t)
{
    struct symbols *s = &t->symbols;
    enum linux_state wanted = t->policy.stop_at == STOP_AT_SYMBOLS ? LINUX_READABLE : LINUX_PLACED;
    if (t->policy.stop_at == STOP_AT_NONE || s->stopped_at || s->state < wanted)
        return false;
    s->stopped_at = true;
    return true;
}

static void make_place(struct target *t, struct stop *stop)
{
    stop->reason = STOP_WORD;
    stop->tell = true;
    describe(linux_facts(t->linux_guest), stop->text, sizeof stop->text);
}

/* A place that is to be told is told in the name of the first of these CPUs. The symbols can be read when the
 * word has changed; but a stop for another reason may be the first to find it so. */
size_t symbols_take(struct target *t, struct stop *batch, size_t n)
{
    size_t kept = 0;
    struct stop first;
    if (n == 0)
        return 0;
    first = batch[0];
    if (t->symbols.state != LINUX_READABLE)
        symbols_look(t);
    for (size_t i = 0; i < n; i++)
        if (!is_news(t, &batch[i]))
            batch[kept++] = batch[i];
    if (!reaches_place(t))
        return kept;
    if (kept == 0)
        batch[kept++] = first;
    if (kept == 1 && !stop_is_end(batch[0].reason))
        make_place(t, &batch[0]);
    return kept;
}
