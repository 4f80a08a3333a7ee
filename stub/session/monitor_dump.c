/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor dump`: a dump of the guest, which stands, in slices of the session's work. Its answer is one
 * packet: at each O packet gdb looks whether Ctrl-C was pressed, and if so leaves unread what follows, which
 * it would then take for answers to its next requests. So how far it is goes to the log. */
#include <stdio.h>
#include <string.h>

#include "monitor.h"
#include "zgdbd/log.h"

#define MIB 0x100000u

/* Of an answer; the longest paths are cut. */
#define ANSWER_BYTES 1900u

static void log_progress(const struct dump *d)
{
    uint64_t done, total;
    dump_progress(d, &done, &total);
    log_msg(LOG_INFO, "dump: %llu of %llu MiB", (unsigned long long)(done / MIB),
            (unsigned long long)(total / MIB));
}

static void answer(struct session *s, const char *text)
{
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_hex(&s->out, (const uint8_t *)text, strnlen(text, ANSWER_BYTES));
    rsp_end(&s->out);
}

/* After the last step, which returned 0 or -1. */
static void finish(struct session *s, int rc, struct err *e)
{
    char text[DUMP_TEXT_BYTES];
    struct dump_result result;
    if (rc)
        dump_abandon(s->work.dump);
    else
        rc = dump_finish(s->work.dump, &result, e);
    if (rc)
        snprintf(text, sizeof text, "There is no dump: %s.\n", e->text);
    else
        strcat(dump_describe(&result, text, sizeof text - 1), "\n");
    log_msg(LOG_INFO, "%.*s", (int)strcspn(text, "\n"), text);
    answer(s, text);
}

static bool step(struct session *s)
{
    struct err e;
    int more = dump_step(s->work.dump, WORK_SLICE_NS, &e);
    if (more > 0) {
        if (work_sign_of_life(s, target_clock()))
            log_progress(s->work.dump);
        return false;
    }
    finish(s, more, &e);
    return true;
}

static void abandon(struct session *s)
{
    dump_abandon(s->work.dump);
    log_msg(LOG_WARNING, "the dump was ended before it was complete; its file is removed");
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
