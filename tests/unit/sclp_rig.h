/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service-call processor with 2 MiB of memory, what it printed, and a keyboard, for its unit tests. */
#ifndef ZGDBD_SCLP_RIG_H
#define ZGDBD_SCLP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define SIZE 0x200000
#define SCCB 0x10000
#define PREFIX 0x8000

#define READ_SCP_INFO 0x00020001
#define READ_CPU_INFO 0x00010001
#define WRITE_EVENT_DATA 0x00760005
#define READ_EVENT_DATA 0x00770005
#define WRITE_EVENT_MASK 0x00780005

/* Event masks. */
#define OPERATOR_COMMAND 0x80000000
#define MESSAGE 0x40000000
#define PRIORITY_MESSAGE 0x00800000
#define VT220 0x00000040
#define QUIESCE 0x00000008

extern struct sclp sclp;
extern struct guest_memory storage;
extern uint8_t *sccb;

extern uint8_t printed[16384];
extern size_t nprinted;

/* What the keyboard has: read gives at most read_limit bytes at once. */
extern uint8_t typed[65536];
extern size_t ntyped;
extern size_t read_limit;

int sclp_setup(void **state); /* two CPUs, VT220 */
int sclp_teardown(void **state);
void sclp_offer(unsigned consoles);

/* A service call that is carried out; returns the response code. That an event is pending is said exactly if
 * one is. */
unsigned call(uint32_t command);
unsigned call_with_length(uint32_t command, uint16_t length);

/* WRITE EVENT MASK with masks of four bytes; the guest receives these events. */
void receive(uint32_t mask);

/* A whole page is read, as Linux does: variable-length response. Returns the response code. */
unsigned read_events(uint16_t length);

void type(const char *text);

/* Puts an event into the SCCB at `at` and returns its end. */
uint8_t *put_event(uint8_t *at, uint8_t type, const void *data, size_t len);

#define assert_printed(text)                                                                                 \
    do {                                                                                                     \
        assert_int_equal(nprinted, sizeof(text) - 1);                                                        \
        assert_memory_equal(printed, text, sizeof(text) - 1);                                                \
    } while (0)

#define TEST(f) cmocka_unit_test_setup_teardown(f, sclp_setup, sclp_teardown)

#endif
