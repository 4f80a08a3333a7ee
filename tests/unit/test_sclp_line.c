/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line mode: messages as Linux writes them, malformed ones, and typed lines as Linux parses them. */
#include "sclp_rig.h"

#include <string.h>

/* Code page 500 of what the tests write. */
static const char LETTERS[] = "Hi [ok]!";
static const uint8_t LETTERS_EBCDIC[] = {0xc8, 0x89, 0x40, 0x4a, 0x96, 0x92, 0x5a, 0x4f};

static int setup(void **state)
{
    if (sclp_setup(state) < 0)
        return -1;
    sclp_offer(SCLP_LINE);
    return 0;
}

/* ---- messages ---- */

/* Puts an object of a message data block at `at`; text objects have their fields after length and type. */
static uint8_t *put_object(uint8_t *at, uint16_t type, unsigned length, const void *text)
{
    memset(at, 0, length);
    store_be16(at, (uint16_t)length);
    store_be16(at + 2, type);
    if (type == 4)
        memcpy(at + 10, text, length - 10);
    return at + length;
}

/* A message event with a general object at sccb + 8, as Linux begins it; returns where text objects go. */
static uint8_t *start_message(uint8_t type)
{
    static const uint8_t header[12] = {0, 0, 0, 1, 0xd4, 0xc4, 0xc2, 0x40, 0, 0, 0, 1};

    return put_object(put_event(sccb + 8, type, header, sizeof header), 1, 58, NULL);
}

/* Sets the lengths of event and data block, and calls. */
static unsigned end_message(const uint8_t *end)
{
    store_be16(sccb + 8, (uint16_t)(end - sccb - 8));
    store_be16(sccb + 14, (uint16_t)(end - sccb - 14));
    memset(sccb, 0, 8);
    return call_with_length(WRITE_EVENT_DATA, (uint16_t)(end - sccb));
}

static void prints_messages_as_lines(void **state)
{
    static const uint8_t types[] = {2, 9};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *at = start_message(types[i]);

        nprinted = 0;
        at = put_object(at, 4, 18, LETTERS_EBCDIC);
        at = put_object(at, 4, 10, "");
        at = put_object(at, 0x99, 7, NULL); /* of no known type */
        at = put_object(at, 4, 12, "\x5a\x5a");
        assert_int_equal(end_message(at), 0x0020);
        assert_printed("Hi [ok]!\r\n\r\n]]\r\n");
        assert_int_equal(sccb[8 + 3], 0x80);
    }
}

/* Every character that Linux prints, a few of code page 500 that it does not, line ends and controls. */
static void knows_the_code_page(void **state)
{
    static const uint8_t graphic[] = {
        0x40, 0x4f, 0x7f, 0x7b, 0x5b, 0x6c, 0x50, 0x7d, 0x4d, 0x5d, 0x5c, 0x4e, 0x6b, 0x60, 0x4b, 0x61,
        0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0x7a, 0x5e, 0x4c, 0x7e, 0x6e, 0x6f,
        0x7c, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6,
        0xd7, 0xd8, 0xd9, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0x4a, 0xe0, 0x5a, 0x5f, 0x6d,
        0x79, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96,
        0x97, 0x98, 0x99, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xc0, 0xbb, 0xd0, 0xa1};

    (void)state;
    assert_int_equal(end_message(put_object(start_message(2), 4, 10 + sizeof graphic, graphic)), 0x0020);
    assert_int_equal(nprinted, 97);
    for (unsigned i = 0; i < 95; i++)
        assert_int_equal(printed[i], 0x20 + i);
    nprinted = 0;
    assert_int_equal(end_message(put_object(start_message(2), 4, 10 + 6, "\x43\xff\x20\x15\x25\x05")),
                     0x0020);
    assert_printed("\xc3\xa4??\r\n\r\n\t\r\n");
}

/* As much text as a page holds, each character of two bytes. */
static void prints_the_longest_message(void **state)
{
    static uint8_t text[4096 - 8 - 6 - 12 - 58 - 10];

    (void)state;
    memset(text, 0x43, sizeof text);
    assert_int_equal(end_message(put_object(start_message(2), 4, 10 + sizeof text, text)), 0x0020);
    assert_int_equal(nprinted, 2 * sizeof text + 2);
}

static void messages_need_line_mode(void **state)
{
    uint8_t *end = put_object(start_message(2), 4, 18, LETTERS_EBCDIC);

    (void)state;
    sclp_offer(SCLP_VT220);
    assert_int_equal(end_message(end), 0x40f0);
    assert_int_equal(sccb[8 + 3], 0);
    sclp_offer(SCLP_VT220 | SCLP_LINE);
    end = put_event(end, 0x1a, "both", 4);
    store_be16(sccb, (uint16_t)(end - sccb));
    assert_int_equal(call(WRITE_EVENT_DATA), 0x0020);
    assert_printed("Hi [ok]!\r\nboth");
}

/* Nothing of a message with a wrong length is printed, nor of what follows; what precedes it is. */
static void checks_the_lengths_of_a_message(void **state)
{
    uint8_t *first = start_message(2);
    uint8_t *second = put_object(first, 4, 18, LETTERS_EBCDIC);
    uint8_t *end = put_object(second, 4, 18, LETTERS_EBCDIC);
    const struct {
        uint8_t *at;
        unsigned length;
    } wrong[] = {{sccb + 14, 0},
                 {sccb + 14, 11},
                 {sccb + 14, (unsigned)(end - sccb) - 14 + 1},
                 {sccb + 14, 0xffff},
                 {sccb + 14, 12 + 58 + 18 + 3}, /* ends within an object's header */
                 {first, 0},
                 {first, 3},
                 {first, 9}, /* less than a text object's header */
                 {first, 37},
                 {second, 17}, /* what is left is no object */
                 {second, 19},
                 {second, 0xffff}};

    (void)state;
    assert_int_equal(end_message(end), 0x0020);
    nprinted = 0;
    put_event(end, 2, "", 0);
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint16_t right = load_be16(wrong[i].at);

        store_be16(wrong[i].at, (uint16_t)wrong[i].length);
        sccb[8 + 3] = end[3] = 0x80;
        assert_int_equal(call_with_length(WRITE_EVENT_DATA, (uint16_t)(end + 6 - sccb)), 0x72f0);
        assert_int_equal(nprinted, 0);
        assert_int_equal(sccb[8 + 3], 0);
        assert_int_equal(end[3], 0);
        store_be16(wrong[i].at, right);
    }
    /* The empty one has not even a header. */
    assert_int_equal(call_with_length(WRITE_EVENT_DATA, (uint16_t)(end + 6 - sccb)), 0x72f0);
    assert_printed("Hi [ok]!\r\nHi [ok]!\r\n");
    assert_int_equal(sccb[8 + 3], 0x80);
    assert_int_equal(end[3], 0);
}

/* Lengths that agree with each other, but not with what is around them. */
static void a_message_stays_within_its_event(void **state)
{
    uint8_t *first = start_message(2);
    uint8_t *end = put_object(first, 4, 18, LETTERS_EBCDIC);

    (void)state;
    assert_int_equal(end_message(end), 0x0020);
    nprinted = 0;
    end = put_event(end, 0x0c, "", 0);
    store_be16(sccb + 14, (uint16_t)(load_be16(sccb + 14) + 1));
    store_be16(first, 19);
    assert_int_equal(call_with_length(WRITE_EVENT_DATA, (uint16_t)(end - sccb)), 0x72f0);
    assert_int_equal(nprinted, 0);

    first = start_message(2); /* a text object that is no longer than its own header, less one */
    memset(first, 0, 18);
    store_be16(first, 9);
    store_be16(first + 2, 4);
    assert_int_equal(end_message(first + 9), 0x72f0);
    assert_int_equal(nprinted, 0);
}

/* ---- commands ---- */

/* The text of the operator command at event, found as Linux finds it; checks every length on the way. */
static unsigned parse(const uint8_t *event, const uint8_t **text)
{
    static const uint16_t vectors[] = {0x1310, 0x1212, 0x1320};
    unsigned left = load_be16(event) - 6;

    assert_int_equal(event[2], 1);
    event += 6;
    for (unsigned i = 0; i < 3; i++, event += 4, left -= 4) {
        assert_int_equal(load_be16(event), left);
        assert_int_equal(load_be16(event + 2), vectors[i]);
    }
    assert_int_equal(event[0], left);
    assert_int_equal(event[1], 0x31);
    assert_int_equal(event[2], left - 2);
    assert_int_equal(event[3], 0x30);
    *text = event + 4;
    return left - 4;
}

static void assert_command(const uint8_t *event, const void *ebcdic, unsigned len)
{
    const uint8_t *text;

    assert_int_equal(parse(event, &text), len);
    assert_memory_equal(text, ebcdic, len);
}

static void reads_a_line_once_it_is_whole(void **state)
{
    (void)state;
    receive(OPERATOR_COMMAND);
    type(LETTERS);
    assert_false(sclp_event_pending(&sclp));
    assert_int_equal(read_events(4096), 0x60f0);
    type("\n");
    assert_true(sclp_event_pending(&sclp));
    assert_int_equal(read_events(4096), 0x0020);
    assert_int_equal(load_be16(sccb), 8 + 22 + 8);
    assert_command(sccb + 8, LETTERS_EBCDIC, 8);
    assert_false(sclp_event_pending(&sclp));
}

/* CR, LF or both end a line, also when the keyboard gives them one by one. */
static void knows_line_ends(void **state)
{
    (void)state;
    receive(OPERATOR_COMMAND);
    for (unsigned pace = 1; pace < 8; pace++) {
        read_limit = pace;
        type("a\rb\r\n\r\n\nc\n");
        assert_int_equal(read_events(4096), 0x0020);
        assert_int_equal(load_be16(sccb), 8 + 5 * 22 + 3);
        assert_command(sccb + 8, "\x81", 1);
        assert_command(sccb + 8 + 23, "\x82", 1);
        assert_command(sccb + 8 + 46, "", 0);
        assert_command(sccb + 8 + 68, "", 0);
        assert_command(sccb + 8 + 90, "\x83", 1);
        assert_false(sclp_event_pending(&sclp));
    }
    type("a\r");
    assert_int_equal(read_events(4096), 0x0020);
    type("\n");
    assert_false(sclp_event_pending(&sclp));
    type("\n");
    assert_int_equal(read_events(4096), 0x0020);
    assert_command(sccb + 8, "", 0);
}

static void a_line_that_does_not_fit_is_kept(void **state)
{
    (void)state;
    receive(OPERATOR_COMMAND);
    type("ab\ncdef\n");
    for (uint16_t length = 8; length < 8 + 24; length++)
        assert_int_equal(read_events(length), 0x0300);
    assert_int_equal(read_events(8 + 24 + 25), 0x0020);
    assert_int_equal(load_be16(sccb), 8 + 24);
    assert_command(sccb + 8, "\x81\x82", 2);
    assert_true(sclp_event_pending(&sclp));
    assert_int_equal(read_events(8 + 26), 0x0020);
    assert_command(sccb + 8, "\x83\x84\x85\x86", 4);
}

/* A command holds 251 characters. */
static void a_longer_line_comes_in_pieces(void **state)
{
    char line[601];

    (void)state;
    receive(OPERATOR_COMMAND);
    memset(line, 'a', 600);
    line[600] = 0;
    type(line + 600 - 251);
    assert_false(sclp_event_pending(&sclp)); /* its end may come yet */
    type("\n");
    assert_int_equal(read_events(4096), 0x0020);
    assert_int_equal(load_be16(sccb), 8 + 22 + 251);
    assert_false(sclp_event_pending(&sclp));
    type(line);
    assert_int_equal(read_events(4096), 0x0020);
    assert_int_equal(load_be16(sccb), 8 + 2 * (22 + 251));
    assert_false(sclp_event_pending(&sclp));
    type("\n");
    assert_int_equal(read_events(4096), 0x0020);
    assert_int_equal(load_be16(sccb), 8 + 22 + 98);
}

static void what_is_not_ascii_is_substituted(void **state)
{
    (void)state;
    receive(OPERATOR_COMMAND);
    type("\x03\x7f\xc3\xa4\xff\n");
    assert_int_equal(read_events(4096), 0x0020);
    assert_command(sccb + 8, "\x03\x07\x3f\x3f\x3f", 5);
}

static void typed_input_goes_to_vt220_first(void **state)
{
    (void)state;
    sclp_offer(SCLP_VT220 | SCLP_LINE);
    receive(OPERATOR_COMMAND);
    type("a\rbc");
    assert_int_equal(read_events(4096), 0x0020);
    assert_command(sccb + 8, "\x81", 1);
    assert_false(sclp_event_pending(&sclp));
    receive(OPERATOR_COMMAND | VT220);
    assert_true(sclp_event_pending(&sclp));
    sccb[2] = 1; /* selective: only commands */
    store_be32(sccb + 8, OPERATOR_COMMAND);
    assert_int_equal(call_with_length(READ_EVENT_DATA, 4096), 0x60f0);
    assert_int_equal(read_events(4096), 0x0020);
    assert_int_equal(sccb[8 + 2], 0x1a);
    assert_memory_equal(sccb + 15, "bc", 2);
    sclp_offer(SCLP_LINE); /* a type that is not offered is not received, whatever the mask says */
    type("d\n");
    assert_int_equal(read_events(4096), 0x0020);
    assert_command(sccb + 8, "\x84", 1);
}

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, sclp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(prints_messages_as_lines),         TEST(knows_the_code_page),
        TEST(prints_the_longest_message),       TEST(messages_need_line_mode),
        TEST(checks_the_lengths_of_a_message),  TEST(a_message_stays_within_its_event),
        TEST(reads_a_line_once_it_is_whole),    TEST(knows_line_ends),
        TEST(a_line_that_does_not_fit_is_kept), TEST(a_longer_line_comes_in_pieces),
        TEST(what_is_not_ascii_is_substituted), TEST(typed_input_goes_to_vt220_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
