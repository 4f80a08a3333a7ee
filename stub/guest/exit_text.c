/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A record of the exit trace in words: when, where, and what the guest wanted, by the names of instructions,
 * commands, functions and orders. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "zgdbd/guest.h"
#include "zgdbd/interruption.h"
#include "zgdbd/trace.h"
#include "zgdbd/words.h"

static void put_time(struct words *l, uint64_t nanoseconds)
{
    time_t seconds = (time_t)(nanoseconds / 1000000000);
    struct tm utc = {0};
    char text[32];

    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    words_add(l, "%s.%06" PRIu64 "Z", text, nanoseconds / 1000 % 1000000);
}

/* As it is typed to ask for this kind alone. */
static void put_kind(struct words *l, const struct exit_record *r)
{
    size_t at = l->len;

    words_add(l, "%s", exit_kind_name(r->kind));
    for (; at < l->len; at++)
        if (l->buf[at] == ' ')
            l->buf[at] = '-';
}

/* A name and nothing more where there is none. */
static void put_code(struct words *l, enum code_kind kind, uint32_t code)
{
    const char *name = code_name(kind, code);

    words_add(l, "%s", name ? name : "unknown");
}

static void put_debug(struct words *l, const struct exit_record *r)
{
    if (r->per & TRACE_PER_STORE)
        words_add(l, "PER: store, watched at 0x%" PRIx64, r->operand[0]);
    else if (r->per & TRACE_PER_FETCH)
        words_add(l, "PER: instruction fetch at 0x%" PRIx64, r->operand[0]);
    else
        words_add(l, "%s",
                  r->per & TRACE_PER_STEP ? "PER: single step" : "PER, held back at the exit before");
}

static void put_service_call(struct words *l, const struct exit_record *r)
{
    uint32_t command = (uint32_t)r->operand[0];

    words_add(l, "SERVC %u,%u: ", (unsigned)(r->ipb >> 20 & 15), (unsigned)(r->ipb >> 16 & 15));
    put_code(l, CODES_SERVICE_CALL, command & SCLP_COMMAND_MASK);
    words_add(l, " (0x%08" PRIx32 "), SCCB 0x%" PRIx64, command, r->operand[1]);
}

static void put_diag(struct words *l, const struct exit_record *r)
{
    unsigned r1 = r->ipa >> 4 & 15, r3 = r->ipa & 15;

    words_add(l, "DIAG %u,%u,0x%x: ", r1, r3, r->code);
    put_code(l, CODES_DIAG, r->code);
    words_add(l, ", r%u 0x%" PRIx64 ", r%u 0x%" PRIx64, r1, r->operand[0], r3, r->operand[1]);
}

static void put_sigp(struct words *l, const struct exit_record *r)
{
    words_add(l, "SIGP %u,%u,0x%x: ", r->ipa >> 4 & 15, r->ipa & 15, r->code);
    put_code(l, CODES_SIGP, r->code);
    words_add(l, ", CPU %" PRIu64 ", parameter 0x%" PRIx64, r->operand[0], r->operand[1]);
}

static void put_instruction(struct words *l, const struct exit_record *r)
{
    uint64_t bytes = (uint64_t)r->ipa << 32 | r->ipb;
    unsigned length = insn_length((uint8_t)(r->ipa >> 8));
    char name[INSTRUCTION_NAME_MAX];

    if (instruction_name(r->ipa, r->ipb, name, sizeof name))
        words_add(l, "%s ", name);
    words_add(l, "%0*" PRIx64, 2 * (int)length, bytes >> 8 * (6 - length));
}

static void put_wait(struct words *l, const struct exit_record *r)
{
    char psw[192];
    const char *words = strstr(psw_describe(r->psw, psw, sizeof psw), ": ");

    words_add(l, "%s", words ? words + 2 : psw);
}

static void put_loop(struct words *l, const struct exit_record *r)
{
    bool external = r->icptcode == ICPT_EXTERNAL_LOOP;

    words_add(l, "%s interruption 0x%04x, ", external ? "external" : "program", r->code);
    put_code(l, external ? CODES_EXTERNAL : CODES_PROGRAM, r->code);
}

static void put_else(struct words *l, const struct exit_record *r)
{
    if (r->operand[1])
        words_add(l, "KVM_RUN: %s", strerror((int)r->operand[1]));
    else if (r->icptcode)
        words_add(l, "interception code 0x%02x, ", r->icptcode), put_instruction(l, r);
    else
        words_add(l, "KVM exit reason %" PRIu64, r->operand[0]);
}

static void put_reset(struct words *l, const struct exit_record *r)
{
    words_add(l, "DIAG 0x308, subcode %u", r->code);
}

static void put_stop(struct words *l, const struct exit_record *r)
{
    (void)r;
    words_add(l, "the CPU was asked to stop");
}

/* None for EXIT_KICK, which says it all. */
static void (*const what[EXIT_KINDS])(struct words *l, const struct exit_record *r) = {
    [EXIT_DEBUG] = put_debug,
    [EXIT_SERVICE_CALL] = put_service_call,
    [EXIT_DIAG] = put_diag,
    [EXIT_SIGP] = put_sigp,
    [EXIT_INSTRUCTION] = put_instruction,
    [EXIT_OPERATION] = put_instruction,
    [EXIT_WAIT] = put_wait,
    [EXIT_STOP] = put_stop,
    [EXIT_LOOP] = put_loop,
    [EXIT_RESET] = put_reset,
    [EXIT_ELSE] = put_else,
};

char *exit_record_text(const struct exit_record *r, char *buf, size_t size)
{
    struct words l = {buf, size, 0};

    put_time(&l, r->time);
    words_add(&l, " CPU %u %016" PRIx64 " %016" PRIx64 " ", r->cpu, r->psw.mask, r->psw.addr);
    put_kind(&l, r);
    if (r->kind < EXIT_KINDS && what[r->kind]) {
        words_add(&l, ": ");
        what[r->kind](&l, r);
    }
    if (r->steps)
        words_add(&l, "; %" PRIu32 " steps in the range before it", r->steps);
    return buf;
}
