/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every row of the packet table in every way in which a packet can arrive: alone, unacknowledged, behind
 * another one, cut anywhere, broken and sent again, and with the reply asked for again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet_table.h"
#include "session_rig.h"

#define PACKET_MAX 1024u

static unsigned wrong; /* what was not as the table has it: told at once, and so for all rows */

struct exchange {
    struct world *w;
    const struct packet_row *row;
    const char *way;
    char frame[PACKET_MAX]; /* the row's packet */
    size_t len;
};

static void ask_each(struct world *w, const char *packets)
{
    while (packets) {
        const char *end = strchr(packets, '|');
        peer_ask(w, &w->a, packets, end ? (size_t)(end - packets) : strlen(packets));
        packets = end ? end + 1 : NULL;
    }
}

/* A session that is ready for the row. */
static struct exchange begin(const struct packet_row *row, const char *way, const char *mode)
{
    struct exchange x = {.w = world_open((struct policy){0}), .row = row, .way = way};

    for (unsigned i = 0; i < FAKE_SCRIPT; i++)
        fake_script(x.w->fake, STOP_SW_BREAKPOINT);
    ask_each(x.w, TABLE_FEATURES);
    ask_each(x.w, mode);
    ask_each(x.w, row->first);
    assert_true(strlen(row->request) < PACKET_MAX - 8);
    x.len = packet_frame(x.frame, row->request, strlen(row->request));
    return x;
}

static void end(struct exchange *x)
{
    world_close(x->w);
}

static bool is_reply(const char *got, const char *want)
{
    const char *gap = strstr(want, "...");
    size_t front, back;

    if (!gap)
        return strcmp(got, want) == 0;
    front = (size_t)(gap - want);
    back = strlen(gap + 3);
    return strlen(got) >= front + back && strncmp(got, want, front) == 0 &&
           strcmp(got + strlen(got) - back, gap + 3) == 0;
}

static void tell(const struct exchange *x)
{
    const struct peer *p = &x->w->a;

    wrong++;
    print_error("%s, %s: %u acks, %u naks, %zu bytes, %s\n", x->row->request, x->way, p->acks, p->naks,
                p->raw, p->reply);
}

/* What came back must be so many acks, a text in front, and the row's reply. */
static void expect(const struct exchange *x, unsigned acks, const char *front)
{
    const struct peer *p = &x->w->a;
    const struct packet_row *row = x->row;
    size_t skip = strlen(front);
    bool silent = p->raw == p->acks + (skip ? skip - 1 + 4 : 0);

    if (row->how == SILENT && skip)
        skip--; /* nothing is joined to it */
    if (p->acks != acks || p->naks || strncmp(p->reply, front, skip) != 0 || silent != (row->how == SILENT) ||
        !is_reply(p->reply + skip, row->reply))
        tell(x);
}

static void expect_nothing(const struct exchange *x)
{
    if (x->w->a.raw)
        tell(x);
}

static void each_row(void (*try_row)(const struct packet_row *row))
{
    wrong = 0;
    for (size_t i = 0; i < npacket_rows; i++)
        try_row(&packet_rows[i]);
    assert_int_equal(wrong, 0);
}

static void try_alone(const struct packet_row *row)
{
    struct exchange x = begin(row, "alone", NULL);

    peer_send(x.w, &x.w->a, x.frame, x.len);
    expect(&x, 1, "");
    end(&x);
}

static void test_alone(void **state)
{
    (void)state;
    each_row(try_alone);
}

static void try_without_acks(const struct packet_row *row)
{
    struct exchange x = begin(row, "without acks", "QStartNoAckMode");

    peer_send(x.w, &x.w->a, x.frame, x.len);
    expect(&x, 0, "");
    end(&x);
}

static void test_without_acks(void **state)
{
    (void)state;
    each_row(try_without_acks);
}

/* In one buffer with another packet in front. */
static void try_pipelined(const struct packet_row *row)
{
    struct exchange x = begin(row, "behind another", NULL);
    char both[2 * PACKET_MAX];
    size_t n = packet_frame(both, "qAttached", 9);

    memcpy(both + n, x.frame, x.len);
    peer_send(x.w, &x.w->a, both, n + x.len);
    expect(&x, 2, "1|");
    end(&x);
}

static void test_pipelined(void **state)
{
    (void)state;
    each_row(try_pipelined);
}

static void try_cut(const struct packet_row *row)
{
    struct exchange x = begin(row, "cut", NULL);

    for (size_t cut = 1; cut < x.len; cut++) {
        peer_send(x.w, &x.w->a, x.frame, cut);
        expect_nothing(&x);
        peer_send(x.w, &x.w->a, x.frame + cut, x.len - cut);
        expect(&x, 1, "");
        if (row->changes) {
            end(&x);
            x = begin(row, "cut", NULL);
        }
        fake_script(x.w->fake, STOP_SW_BREAKPOINT);
    }
    end(&x);
}

static void test_cut(void **state)
{
    (void)state;
    each_row(try_cut);
}

/* Broken on the way: refused without a reply, and answered when it comes whole. */
static void try_corrupted(const struct packet_row *row)
{
    struct exchange x = begin(row, "corrupted", NULL);
    const struct peer *p = &x.w->a;
    char broken[PACKET_MAX];

    memcpy(broken, x.frame, x.len);
    broken[x.len - 1] = broken[x.len - 1] == '0' ? '1' : '0';
    peer_send(x.w, &x.w->a, broken, x.len);
    if (p->naks != 1 || p->raw != 1)
        tell(&x);
    peer_send(x.w, &x.w->a, x.frame, x.len);
    expect(&x, 1, "");
    end(&x);
}

static void test_corrupted(void **state)
{
    (void)state;
    each_row(try_corrupted);
}

/* What of the replies, which are joined by '|', can be asked for again: not a notification at the end. A
 * copy.
 */
static char *repeatable(const char *replies)
{
    const char *notification = strstr(replies, "|%");

    return notification ? strndup(replies, (size_t)(notification - replies)) : strdup(replies);
}

/* The reply was broken on the way, twice: it is sent again and nothing is done again. */
static void try_repeated(const struct packet_row *row)
{
    if (row->how != REPLIES)
        return;

    struct exchange x = begin(row, "repeated", NULL);
    char *reply;
    unsigned resumes;

    peer_send(x.w, &x.w->a, x.frame, x.len);
    reply = repeatable(x.w->a.reply);
    resumes = x.w->fake->resumes;
    for (int i = 0; i < 2; i++) {
        peer_send(x.w, &x.w->a, "-", 1);
        if (x.w->a.acks || x.w->a.naks || strcmp(x.w->a.reply, reply) != 0)
            tell(&x);
    }
    if (session_attached(x.w->a.session) && !(row->first && strstr(row->first, "QNonStop:1")))
        assert_int_equal(x.w->fake->resumes, resumes); /* else CPUs run on by themselves */
    free(reply);
    end(&x);
}

static void test_repeated(void **state)
{
    (void)state;
    each_row(try_repeated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone), cmocka_unit_test(test_without_acks), cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_cut),   cmocka_unit_test(test_corrupted),    cmocka_unit_test(test_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
