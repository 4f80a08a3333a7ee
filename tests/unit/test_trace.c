/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit trace: its ring with one and with many threads, names and sets of exits, and the line of each kind
 * of exit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zgdbd/trace.h"

#define NOON 1795392000123456789ULL /* 2026-11-23T00:00:00.123456789Z */

/* ---- the ring ---- */

#define PIECE 100

static struct trace_ring made_ring(void)
{
    struct trace_ring ring = {.place = NULL};

    assert_int_equal(trace_ring_make(&ring, NULL), 0);
    return ring;
}

/* Every field follows from one number. */
static struct exit_record made(uint64_t n)
{
    return (struct exit_record){.time = n,
                                .psw = {~n, n * 3},
                                .kind = (uint8_t)(n % EXIT_KINDS),
                                .cpu = (uint8_t)n,
                                .icptcode = (uint8_t)(n >> 1),
                                .per = (uint8_t)(n >> 2),
                                .ipa = (uint16_t)(n * 5),
                                .code = (uint16_t)(n * 7),
                                .ipb = (uint32_t)(n * 11),
                                .steps = (uint32_t)(n * 13),
                                .operand = {n * 17, n * 19}};
}

static void assert_whole(const struct exit_record *r)
{
    struct exit_record expected = made(r->time);

    assert_memory_equal(r, &expected, offsetof(struct exit_record, number));
}

static void put_many(struct trace_ring *ring, uint64_t first, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        struct exit_record r = made(first + i);
        trace_ring_put(ring, &r);
    }
}

static void empty_ring(void **state)
{
    struct trace_ring ring = made_ring();
    struct exit_record out[PIECE];
    uint64_t next = 0;

    (void)state;
    assert_int_equal(trace_ring_read(&ring, true, &next, out, PIECE), 0);
    assert_int_equal(next, 0);
    next = UINT64_MAX;
    assert_int_equal(trace_ring_read(&ring, false, &next, out, 0), 0);
    assert_int_equal(next, 0);
    trace_ring_free(&ring);
}

static void in_order_and_from_where_one_wants(void **state)
{
    struct trace_ring ring = made_ring();
    struct exit_record out[PIECE];
    uint64_t next = 0;

    (void)state;
    put_many(&ring, 0, 150);
    assert_int_equal(trace_ring_read(&ring, false, &next, out, PIECE), PIECE);
    assert_int_equal(trace_ring_read(&ring, false, &next, out, PIECE), 50);
    assert_int_equal(next, 150);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(out[i].number, 100 + i);
        assert_int_equal(out[i].time, 100 + i);
        assert_whole(&out[i]);
    }
    next = 120;
    assert_int_equal(trace_ring_read(&ring, false, &next, out, 3), 3);
    assert_int_equal(out[0].number, 120);
    assert_int_equal(next, 123);
    next = UINT64_MAX;
    assert_int_equal(trace_ring_read(&ring, false, &next, out, PIECE), 0);
    assert_int_equal(next, 150);
    trace_ring_free(&ring);
}

static void the_last_ones_are_kept(void **state)
{
    struct trace_ring ring = made_ring();
    struct exit_record out[PIECE];
    uint64_t next = 0;
    uint64_t total = 0;

    (void)state;
    put_many(&ring, 0, 2 * TRACE_RECORDS + 10);
    while (trace_ring_read(&ring, false, &next, out, 1)) {
        assert_int_equal(out[0].number, TRACE_RECORDS + 10 + total);
        assert_whole(&out[0]);
        total++;
    }
    assert_int_equal(total, TRACE_RECORDS);
    trace_ring_free(&ring);
}

/* A writer that others have overtaken: readers wait for it a while, later writers give way. */
static void a_writer_that_hangs(void **state)
{
    struct trace_ring ring = made_ring();
    struct exit_record out[PIECE], r = made(TRACE_RECORDS + 1);
    uint64_t next = 0;

    (void)state;
    put_many(&ring, 0, 3);
    atomic_store(&ring.place[1].sequence, trace_busy(1));
    assert_int_equal(trace_ring_read(&ring, false, &next, out, PIECE), 1);
    assert_int_equal(next, 1);
    assert_int_equal(trace_ring_read(&ring, false, &next, out, PIECE), 0);
    put_many(&ring, 3, 1021);
    assert_int_equal(trace_ring_read(&ring, false, &next, out, PIECE), 0);
    put_many(&ring, 1024, 2);
    assert_int_equal(trace_ring_read(&ring, false, &next, out, PIECE), PIECE);
    assert_int_equal(out[0].number, 2);
    next = 0;
    assert_int_equal(trace_ring_read(&ring, true, &next, out, 2), 2);
    assert_int_equal(out[1].number, 2);
    atomic_store(&ring.tickets, TRACE_RECORDS + 1);
    trace_ring_put(&ring, &r);
    assert_int_equal(atomic_load(&ring.place[1].sequence), trace_busy(1));
    assert_int_equal(atomic_load(&ring.place[1].word[0]), 1);
    trace_ring_free(&ring);
}

/* ---- many threads ---- */

#define WRITERS 6
#define EACH 60000u

struct stress {
    struct trace_ring ring;
    atomic_uint next_writer, left;
};

static void *writer(void *arg)
{
    struct stress *s = arg;

    put_many(&s->ring, (uint64_t)atomic_fetch_add(&s->next_writer, 1) << 32, EACH);
    atomic_fetch_sub(&s->left, 1);
    return NULL;
}

/* Numbers go up and records are whole; each writer's come in its order. Returns how many there were. */
static uint64_t follow(struct stress *s, bool settled, uint64_t *next, uint64_t *seen)
{
    struct exit_record out[PIECE];
    uint64_t total = 0, expected = *next;
    size_t n;

    while ((n = trace_ring_read(&s->ring, settled, next, out, PIECE)) > 0)
        for (size_t i = 0; i < n; i++) {
            unsigned who = (unsigned)(out[i].time >> 32);

            assert_true(out[i].number >= expected);
            expected = out[i].number + 1;
            assert_whole(&out[i]);
            assert_true(who < WRITERS && out[i].time + 1 > seen[who]);
            seen[who] = out[i].time + 1;
            total++;
        }
    return total;
}

static void many_threads(void **state)
{
    struct stress s = {.ring = made_ring(), .left = WRITERS};
    pthread_t thread[WRITERS];
    uint64_t next = 0, total = 0, seen[WRITERS] = {0};
    struct exit_record none;
    uint64_t end = UINT64_MAX;

    (void)state;
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, writer, &s), 0);
    while (atomic_load(&s.left))
        total += follow(&s, false, &next, seen);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(thread[i], NULL);
    total += follow(&s, true, &next, seen);
    trace_ring_read(&s.ring, true, &end, &none, 0);
    assert_int_equal(end, WRITERS * EACH);
    assert_int_equal(next, end);
    assert_in_range(total, 1, end);
    /* What is still there then is there for every reader. */
    next = 0;
    memset(seen, 0, sizeof seen);
    total = follow(&s, true, &next, seen);
    assert_in_range(total, TRACE_RECORDS - WRITERS, TRACE_RECORDS);
    trace_ring_free(&s.ring);
}

/* ---- names ---- */

static unsigned kinds_of(const char *text)
{
    unsigned kinds;
    struct err e;

    assert_int_equal(exit_kinds_parse(text, &kinds, &e), 0);
    return kinds;
}

static void assert_no_kinds(const char *text, const char *words)
{
    unsigned kinds;
    struct err e = {0};

    assert_int_equal(exit_kinds_parse(text, &kinds, &e), -1);
    assert_int_equal(e.status, EXIT_USAGE);
    assert_ptr_equal(strstr(e.text, words), e.text);
    assert_non_null(strstr(e.text, "debug, service-call, diag, sigp, other-instruction, operation-exception, "
                                   "disabled-wait, stop, interruption-loop, reset, kick, other"));
}

static void sets_of_exits(void **state)
{
    (void)state;
    assert_int_equal(kinds_of(""), 0);
    assert_int_equal(kinds_of(" , "), 0);
    assert_int_equal(kinds_of("diag"), 1u << EXIT_DIAG);
    assert_int_equal(kinds_of("diag,sigp"), 1u << EXIT_DIAG | 1u << EXIT_SIGP);
    assert_int_equal(kinds_of(" service-call  kick"), 1u << EXIT_SERVICE_CALL | 1u << EXIT_KICK);
    assert_int_equal(kinds_of("other"), 1u << EXIT_ELSE);
    assert_int_equal(kinds_of("other-i,ser,dis"),
                     1u << EXIT_INSTRUCTION | 1u << EXIT_SERVICE_CALL | 1u << EXIT_WAIT);
    assert_no_kinds("diagnose", "diagnose: no exit is called so");
    assert_no_kinds("diag,d", "d: several exits are called so");
    assert_no_kinds("io sigp", "io: no exit is called so");
    assert_no_kinds("%s", "%s: no exit is called so");
    assert_string_equal(exit_kind_name((enum exit_kind)200), "unknown");
}

/* ---- lines ---- */

static const struct line_case {
    struct exit_record r;
    const char *rest; /* behind time, CPU and PSW */
} lines[] = {
    {{.kind = EXIT_DEBUG, .per = TRACE_PER_STEP}, "debug: PER: single step"},
    {{.kind = EXIT_DEBUG, .per = TRACE_PER_FETCH, .operand = {0x10002}},
     "debug: PER: instruction fetch at 0x10002"},
    {{.kind = EXIT_DEBUG, .per = TRACE_PER_STORE, .operand = {0x123456789abc}},
     "debug: PER: store, watched at 0x123456789abc"},
    {{.kind = EXIT_DEBUG}, "debug: PER, held back at the exit before"},
    {{.kind = EXIT_DEBUG, .per = TRACE_PER_STEP, .steps = 256},
     "debug: PER: single step; 256 steps in the range before it"},
    {{.kind = EXIT_SERVICE_CALL,
      .icptcode = 4,
      .ipa = 0xb220,
      .ipb = 0x00120000,
      .operand = {0x00020001, 0x8000}},
     "service-call: SERVC 1,2: read SCP info (0x00020001), SCCB 0x8000"},
    {{.kind = EXIT_SERVICE_CALL, .icptcode = 4, .ipa = 0xb220, .ipb = 0x00e50000, .operand = {0x00761205, 0}},
     "service-call: SERVC 14,5: write event data (0x00761205), SCCB 0x0"},
    {{.kind = EXIT_SERVICE_CALL, .icptcode = 4, .ipa = 0xb220, .ipb = 0, .operand = {0xffffffff, ~0ULL}},
     "service-call: SERVC 0,0: unknown (0xffffffff), SCCB 0xffffffffffffffff"},
    {{.kind = EXIT_DIAG, .icptcode = 4, .ipa = 0x8315, .code = 0x308, .operand = {0x2000, 6}},
     "diag: DIAG 1,5,0x308: IPL, r1 0x2000, r5 0x6"},
    {{.kind = EXIT_DIAG, .icptcode = 4, .ipa = 0x8300, .code = 0x999},
     "diag: DIAG 0,0,0x999: unknown, r0 0x0, r0 0x0"},
    {{.kind = EXIT_SIGP, .icptcode = 4, .ipa = 0xae13, .code = 6, .operand = {1, 0x10}},
     "sigp: SIGP 1,3,0x6: restart, CPU 1, parameter 0x10"},
    {{.kind = EXIT_SIGP, .icptcode = 4, .ipa = 0xae13, .code = 0xff, .operand = {65535}},
     "sigp: SIGP 1,3,0xff: unknown, CPU 65535, parameter 0x0"},
    {{.kind = EXIT_INSTRUCTION, .icptcode = 4, .ipa = 0xb234, .ipb = 0x90000000},
     "other-instruction: STSCH b2349000"},
    {{.kind = EXIT_INSTRUCTION, .icptcode = 4, .ipa = 0xe300, .ipb = 0x900000d4},
     "other-instruction: STPCIFC e300900000d4"},
    {{.kind = EXIT_INSTRUCTION, .icptcode = 4, .ipa = 0xb276}, "other-instruction: XSCH b2760000"},
    {{.kind = EXIT_INSTRUCTION, .icptcode = 4, .ipa = 0xb9ff, .ipb = 0x00120000},
     "other-instruction: b9ff0012"},
    {{.kind = EXIT_INSTRUCTION, .icptcode = 4, .ipa = 0x0107, .ipb = 0x12345678}, "other-instruction: 0107"},
    {{.kind = EXIT_OPERATION, .icptcode = 0x2c}, "operation-exception: 0000"},
    {{.kind = EXIT_WAIT, .icptcode = 0x1c, .psw = {0x0002000180000000, 0xfff}},
     "disabled-wait: disabled wait, supervisor state, primary space, DAT off, key 0, cc 0, program mask 0, "
     "64-bit"},
    {{.kind = EXIT_STOP, .icptcode = 0x28}, "stop: the CPU was asked to stop"},
    {{.kind = EXIT_LOOP, .icptcode = 8, .code = 6},
     "interruption-loop: program interruption 0x0006, specification"},
    {{.kind = EXIT_LOOP, .icptcode = 0x14, .code = 0x1004},
     "interruption-loop: external interruption 0x1004, clock comparator"},
    {{.kind = EXIT_LOOP, .icptcode = 8, .code = 0xfff},
     "interruption-loop: program interruption 0x0fff, unknown"},
    {{.kind = EXIT_RESET, .code = 3}, "reset: DIAG 0x308, subcode 3"},
    {{.kind = EXIT_KICK, .operand = {0, 4}}, "kick"},
    {{.kind = EXIT_ELSE, .operand = {0, 22}}, "other: KVM_RUN: Invalid argument"},
    {{.kind = EXIT_ELSE, .operand = {17}}, "other: KVM exit reason 17"},
    {{.kind = EXIT_ELSE, .icptcode = 0x38, .ipa = 0xb220, .ipb = 0x00120000},
     "other: interception code 0x38, b2200012"},
    {{.kind = 200}, "unknown"},
};

static void a_line_of_each_kind(void **state)
{
    char line[TRACE_LINE], psw[64], expected[2 * TRACE_LINE];

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct exit_record r = lines[i].r;

        r.time = NOON;
        r.cpu = 63;
        if (!r.psw.mask)
            r.psw = (struct psw){0x0404c00180000000, 0x10fdee};
        snprintf(psw, sizeof psw, "%016llx %016llx", (unsigned long long)r.psw.mask,
                 (unsigned long long)r.psw.addr);
        snprintf(expected, sizeof expected, "2026-11-23T00:00:00.123456Z CPU 63 %s %s", psw, lines[i].rest);
        assert_string_equal(exit_record_text(&r, line, sizeof line), expected);
    }
}

/* Whatever a ring holds, also one that was overwritten: every line fits. */
static void no_line_is_cut(void **state)
{
    char line[2 * TRACE_LINE];

    (void)state;
    for (unsigned kind = 0; kind < EXIT_KINDS + 1; kind++)
        for (unsigned icptcode = 0; icptcode < 256; icptcode += 4) {
            struct exit_record r;

            memset(&r, 0xff, sizeof r);
            r.kind = (uint8_t)kind;
            r.icptcode = (uint8_t)icptcode;
            r.time = kind & 1 ? UINT64_MAX : 0;
            r.code = kind == EXIT_SIGP ? 0x17 : 0x26c;
            r.operand[1] = icptcode & 4 ? 0 : r.operand[1];
            assert_true(strlen(exit_record_text(&r, line, sizeof line)) < TRACE_LINE);
        }
    assert_string_equal(exit_record_text(&lines[0].r, line, 5), "1970");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_ring),
        cmocka_unit_test(in_order_and_from_where_one_wants),
        cmocka_unit_test(the_last_ones_are_kept),
        cmocka_unit_test(a_writer_that_hangs),
        cmocka_unit_test(many_threads),
        cmocka_unit_test(sets_of_exits),
        cmocka_unit_test(a_line_of_each_kind),
        cmocka_unit_test(no_line_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
