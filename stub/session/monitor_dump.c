/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor dump`: a dump of the guest, which stands, in slices of the session's work. Its console lines are
 * signs of life, too. */
#include <stdio.h>
#include <string.h>

#include "monitor.h"

#define MIB 0x100000u

static void show_progress(struct session *s)
{
    uint64_t done, total;
    char line[96];
    dump_progress(s->work.dump, &done, &total);
    snprintf(line, sizeof line, "dump: %llu of %llu MiB\n", (unsigned long long)(done / MIB),
             (unsigned long long)(total / MIB));
    if (session_takes_text(s, sizeof line, false))
        session_output_text(s, line);
}

/* The text may be longer than what is put at once. */
static void put_result(const struct dump_result *result, struct text *out)
{
    char text[DUMP_TEXT_BYTES];
    dump_describe(result, text, sizeof text);
    for (const char *at = text; *at; at += strnlen(at, 1024))
        put(out, "%.1024s", at);
    put(out, "\n");
}

/* After the last step, which returned 0 or -1. */
static bool finish(struct session *s, int rc, struct err *e)
{
    struct text out = {.session = s};
    struct dump_result result;
    if (rc)
        dump_abandon(s->work.dump);
    else
        rc = dump_finish(s->work.dump, &result, e);
    if (rc)
        put(&out, "There is no dump: %s.\n", e->text);
    else
        put_result(&result, &out);
    return monitor_finish(&out);
}

static bool step(struct session *s)
{
    struct err e;
    int more = dump_step(s->work.dump, WORK_SLICE_NS, &e);
    if (more > 0) {
        if (work_sign_due(s, work_now()))
            show_progress(s);
        return false;
    }
    return finish(s, more, &e);
}

static void abandon(struct session *s)
{
    static const char text[] = "dump: ended before it was complete; its file is removed\n";
    dump_abandon(s->work.dump);
    if (session_takes_text(s, sizeof text, false))
        session_output_text(s, text);
}

bool mon_dump(struct session *s, const char *args, struct text *out)
{
    struct target *t = s->target;
    struct err e;
    if (!*args)
        return false;
    struct dump *d = dump_begin_in(t->machine, t->linux_guest, t->dump_dir, args, &e);
    if (d) {
        out->later = true;
        work_begin(s, &(struct work){.step = step, .abandon = abandon, .dump = d});
    } else {
        put(out, "There is no dump: %s.\n", e.text);
    }
    return true;
}
