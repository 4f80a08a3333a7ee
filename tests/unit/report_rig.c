/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See report_rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_rig.h"
#include "zgdbd/bytes.h"

void rrig_reg(struct report_rig *r, unsigned cpu, unsigned reg, uint64_t value)
{
    store_be64(r->rig->fake->regs[cpu][reg], value);
}

void rrig_psw(struct report_rig *r, unsigned cpu, uint64_t mask, uint64_t addr)
{
    rrig_reg(r, cpu, REG_PSWM, mask);
    rrig_reg(r, cpu, REG_PSWA, addr);
    if (cpu == 0)
        r->rig->fake->dat.psw_mask = mask;
}

struct report_rig *rrig_open(enum stop_reason reason, uint64_t mask, uint64_t addr)
{
    struct report_rig *r = calloc(1, sizeof *r);

    if (!r)
        abort();
    r->rig = lrig_open(RIG_LOW);
    r->stop = (struct stop){.reason = reason, .psw = {mask, addr}, .text = "the engine's words"};
    r->in = (struct report_input){
        .machine = &r->rig->fake->machine, .guest = r->rig->g, .stop = &r->stop, .has_ran = true};
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
        memset(r->rig->fake->regs[cpu][REG_R0], 0, 16 * sizeof *r->rig->fake->regs[cpu]);
        rrig_psw(r, cpu, mask, addr);
    }
    return r;
}

void rrig_close(struct report_rig *r)
{
    lrig_close(r->rig);
    free(r);
}

static void take(void *ctx, const char *line)
{
    struct report_rig *r = ctx;
    size_t len = strlen(line), used = strlen(r->text);

    assert_true(len < REPORT_LINE_BYTES);
    assert_true(used + len + 1 < sizeof r->text);
    for (size_t i = 0; i < len; i++)
        assert_in_range(line[i], ' ', '~');
    sprintf(r->text + used, "%s\n", line);
    r->lines++;
}

const char *rrig_report(struct report_rig *r)
{
    r->text[0] = 0;
    r->lines = 0;
    report_write(&r->in, take, r);
    assert_in_range(r->lines, 1, REPORT_LINES_MAX);
    assert_int_equal(strncmp(r->text, "zgdbd report: ", 14), 0);
    assert_non_null(strstr(r->text, "\nEnd of the report.\n"));
    return r->text;
}

const char *rrig_said(const struct report_rig *r, const char *word)
{
    static char line[REPORT_LINE_BYTES];
    char begin[32];
    const char *at;

    snprintf(begin, sizeof begin, "\n%-13s", word);
    at = strstr(r->text, begin);
    if (!at)
        return NULL;
    at += strlen(begin);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}
