/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event facility of the service-call processor: which event types are exchanged, console output in both
 * modes, and the events for the guest, which are typed input and signal quiesce. It owns what was typed until
 * the guest has taken it. Checks and answers are those of QEMU's hw/s390x/event-facility.c,
 * hw/char/sclpconsole.c, sclpconsole-lm.c and hw/s390x/sclpquiesce.c; unlike QEMU, READ EVENT DATA takes
 * SCCBs of any length. */
#include "sclp.h"

#include "zgdbd/bytes.h"

#include <assert.h>
#include <string.h>

enum event_type {
    EVENT_OPERATOR_COMMAND = 0x01,
    EVENT_MESSAGE = 0x02,
    EVENT_PRIORITY_MESSAGE = 0x09,
    EVENT_VT220 = 0x1a,
    EVENT_SIGNAL_QUIESCE = 0x1d,
};

/* Event type n is bit n - 1 of a mask, counted from the left. */
static uint64_t mask_of(enum event_type type)
{
    return 0x8000000000000000ULL >> (type - 1);
}

#define VARIABLE_LENGTH_RESPONSE 0x80 /* in the last control byte */

/* Function codes. */
#define NORMAL_WRITE 0
#define UNCONDITIONAL_READ 0
#define SELECTIVE_READ 1

/* WRITE EVENT MASK: four masks of the length that the guest chose: the guest's receive and send masks, then
 * ours. */
#define MASK_LENGTH 10
#define MASKS 12u
#define MASK_LENGTH_MAX 1021u

#define QUIESCE_BYTES 9u      /* header, timeout and its unit */
#define VT220_HEADER_BYTES 7u /* header, and what the data are */
#define SESSION_DATA 0

static_assert(SCLP_INPUT_BYTES > LINE_TEXT_MAX + 1, "a line with its end fits");

/* ---- masks ---- */

/* What the guest may write. */
static uint64_t offered_to_write(const struct sclp *s)
{
    uint64_t mask = 0;

    if (s->config.consoles & SCLP_VT220)
        mask |= mask_of(EVENT_VT220);
    if (s->config.consoles & SCLP_LINE)
        mask |= mask_of(EVENT_MESSAGE) | mask_of(EVENT_PRIORITY_MESSAGE);
    return mask;
}

/* What the guest may read. */
static uint64_t offered_to_read(const struct sclp *s)
{
    uint64_t mask = mask_of(EVENT_SIGNAL_QUIESCE);

    if (s->config.consoles & SCLP_VT220)
        mask |= mask_of(EVENT_VT220);
    if (s->config.consoles & SCLP_LINE)
        mask |= mask_of(EVENT_OPERATOR_COMMAND);
    return mask;
}

/* The first 64 event types of a mask of any length; there are no others. */
static uint64_t load_mask(const uint8_t *mask, unsigned length)
{
    uint8_t word[8] = {0};

    memcpy(word, mask, length < sizeof word ? length : sizeof word);
    return load_be64(word);
}

static void store_mask(uint8_t *mask, unsigned length, uint64_t events)
{
    uint8_t word[8];

    store_be64(word, events);
    memset(mask, 0, length);
    memcpy(mask, word, length < sizeof word ? length : sizeof word);
}

enum response sclp_write_event_mask(struct sclp *s, struct sccb *b)
{
    uint8_t *masks = b->bytes + MASKS;
    unsigned length;

    if (b->length < MASKS)
        return RC_INSUFFICIENT_LENGTH;
    length = load_be16(b->bytes + MASK_LENGTH);
    if (!length || length > MASK_LENGTH_MAX)
        return RC_INVALID_MASK_LENGTH;
    if (b->length - MASKS < 4 * length)
        return RC_INSUFFICIENT_LENGTH;
    pthread_mutex_lock(&s->lock);
    s->receive_mask = load_mask(masks, length);
    s->mask_length = length;
    pthread_mutex_unlock(&s->lock);
    store_mask(masks + 2 * length, length, offered_to_write(s));
    store_mask(masks + 3 * length, length, offered_to_read(s));
    return RC_COMPLETION;
}

/* ---- output ---- */

/* Do the lengths of the event buffers add up to the SCCB's? */
static bool events_well_formed(const struct sccb *b)
{
    unsigned at = SCCB_HEADER_BYTES;

    while (at < b->length) {
        unsigned left = b->length - at;
        unsigned length = left < EVENT_HEADER_BYTES ? 0 : load_be16(b->bytes + at);

        if (length < EVENT_HEADER_BYTES || length > left)
            return false;
        at += length;
    }
    return true;
}

static enum response write_event(const struct sclp *s, uint8_t *event, unsigned length)
{
    uint8_t type = event[EVENT_TYPE];
    const uint8_t *data = event + EVENT_HEADER_BYTES;

    length -= EVENT_HEADER_BYTES;
    if (!type || type > 64 || !(offered_to_write(s) & mask_of(type)))
        return RC_INVALID_FUNCTION;
    if (type == EVENT_VT220) {
        s->config.write(s->config.write_ctx, data, length);
    } else {
        if (!line_message_valid(data, length))
            return RC_INCONSISTENT_LENGTHS;
        line_message_write(&s->config, data);
    }
    return RC_COMPLETION;
}

/* Writes events up to the first that is wrong or of no offered type. That one and those behind it are not
 * accepted: Linux waits for an answer to every accepted event. */
enum response sclp_write_event_data(struct sclp *s, struct sccb *b)
{
    enum response rc = RC_COMPLETION;
    unsigned length;

    if (b->bytes[SCCB_FUNCTION] != NORMAL_WRITE)
        return RC_INVALID_FUNCTION;
    if (!events_well_formed(b))
        return RC_EVENT_BUFFER_SYNTAX;
    for (unsigned at = SCCB_HEADER_BYTES; at < b->length; at += length) {
        uint8_t *event = b->bytes + at;

        length = load_be16(event);
        if (rc == RC_COMPLETION)
            rc = write_event(s, event, length);
        if (rc == RC_COMPLETION)
            event[EVENT_FLAGS] |= EVENT_ACCEPTED;
        else
            event[EVENT_FLAGS] &= (uint8_t)~EVENT_ACCEPTED;
    }
    return rc;
}

/* ---- what was typed ---- */

/* Fetches typed input, as much as there is room for. */
static void fill_input(struct sclp *s)
{
    size_t n = s->config.read ? 1 : 0;

    while (n && s->ninput < sizeof s->input) {
        n = s->config.read(s->config.read_ctx, s->input + s->ninput, sizeof s->input - s->ninput);
        s->ninput += n;
    }
}

static void drop_input(struct sclp *s, size_t n)
{
    s->ninput -= n;
    memmove(s->input, s->input + n, s->ninput);
}

/* The console that takes typed input: VT220 if the guest receives it, else line mode; 0 if none. */
static enum event_type input_type(const struct sclp *s)
{
    uint64_t mask = s->receive_mask & offered_to_read(s);

    if (mask & mask_of(EVENT_VT220))
        return EVENT_VT220;
    return mask & mask_of(EVENT_OPERATOR_COMMAND) ? EVENT_OPERATOR_COMMAND : 0;
}

/* The bytes of the next whole line and its end, 0 if it is not whole yet; *text receives how many come before
 * the end. A line ends with CR, LF or both; one that is too long for a command goes in pieces. */
static size_t next_line(struct sclp *s, unsigned *text)
{
    if (s->after_cr && s->ninput) {
        s->after_cr = false;
        if (s->input[0] == '\n')
            drop_input(s, 1);
    }
    for (*text = 0; *text < s->ninput && *text <= LINE_TEXT_MAX; ++*text)
        if (s->input[*text] == '\r' || s->input[*text] == '\n')
            return *text + 1;
    if (*text <= LINE_TEXT_MAX)
        return 0;
    return *text = LINE_TEXT_MAX;
}

/* Typed input is an event that the guest would receive. */
static bool input_pending(struct sclp *s)
{
    unsigned text;

    fill_input(s);
    switch (input_type(s)) {
    case EVENT_VT220:
        return s->ninput;
    case EVENT_OPERATOR_COMMAND:
        return next_line(s, &text);
    default:
        return false;
    }
}

/* ---- events for the guest ---- */

bool sclp_event_pending(struct sclp *s)
{
    bool pending;

    pthread_mutex_lock(&s->lock);
    pending = (s->quiesce && s->receive_mask & mask_of(EVENT_SIGNAL_QUIESCE)) || input_pending(s);
    pthread_mutex_unlock(&s->lock);
    return pending;
}

int sclp_quiesce(struct sclp *s)
{
    bool received;

    pthread_mutex_lock(&s->lock);
    received = s->receive_mask & mask_of(EVENT_SIGNAL_QUIESCE);
    s->quiesce |= received;
    pthread_mutex_unlock(&s->lock);
    return received ? 0 : -1;
}

/* The part of an SCCB that receives events. */
struct room {
    uint8_t *at;
    unsigned left;
    bool kept; /* an event did not fit: it is kept for the next read */
};

/* The event is complete: its data, length - EVENT_HEADER_BYTES bytes, are there. */
static void put_event(struct room *room, enum event_type type, unsigned length)
{
    memset(room->at, 0, EVENT_HEADER_BYTES);
    store_be16(room->at, (uint16_t)length);
    room->at[EVENT_TYPE] = (uint8_t)type;
    room->at[EVENT_FLAGS] = EVENT_ACCEPTED;
    room->at += length;
    room->left -= length;
}

/* Timeout and unit are 0: there is none. */
static void read_quiesce(struct sclp *s, struct room *room)
{
    if (!s->quiesce)
        return;
    if (room->left < QUIESCE_BYTES) {
        room->kept = true;
        return;
    }
    memset(room->at, 0, QUIESCE_BYTES);
    put_event(room, EVENT_SIGNAL_QUIESCE, QUIESCE_BYTES);
    s->quiesce = false;
}

/* All that was typed and fits, in one event. */
static void read_vt220(struct sclp *s, struct room *room)
{
    unsigned length = VT220_HEADER_BYTES;

    for (fill_input(s); s->ninput && length < room->left; fill_input(s)) {
        size_t n = room->left - length < s->ninput ? room->left - length : s->ninput;

        memcpy(room->at + length, s->input, n);
        drop_input(s, n);
        length += (unsigned)n;
    }
    room->kept |= s->ninput;
    if (length == VT220_HEADER_BYTES)
        return;
    s->after_cr = false;
    room->at[VT220_HEADER_BYTES - 1] = SESSION_DATA;
    put_event(room, EVENT_VT220, length);
}

/* Each whole line that fits, in an event of its own. */
static void read_lines(struct sclp *s, struct room *room)
{
    unsigned text;
    size_t n;

    for (fill_input(s); (n = next_line(s, &text)); fill_input(s)) {
        unsigned length = EVENT_HEADER_BYTES + LINE_VECTOR_BYTES + text;

        if (room->left < length) {
            room->kept = true;
            return;
        }
        line_command(room->at + EVENT_HEADER_BYTES, s->input, text);
        put_event(room, EVENT_OPERATOR_COMMAND, length);
        s->after_cr = n > text && s->input[text] == '\r';
        drop_input(s, n);
    }
}

static void read_events(struct sclp *s, uint64_t selected, struct room *room)
{
    enum event_type console = input_type(s);

    if (selected & mask_of(EVENT_SIGNAL_QUIESCE))
        read_quiesce(s, room);
    if (!console || !(selected & mask_of(console)))
        return;
    if (console == EVENT_VT220)
        read_vt220(s, room);
    else
        read_lines(s, room);
}

/* The event types that this read asks for, of those that the guest receives. */
static enum response select_events(const struct sclp *s, const struct sccb *b, uint64_t *selected)
{
    switch (b->bytes[SCCB_FUNCTION]) {
    case UNCONDITIONAL_READ:
        *selected = s->receive_mask;
        return RC_COMPLETION;
    case SELECTIVE_READ:
        if (b->length < SCCB_HEADER_BYTES + s->mask_length)
            return RC_INSUFFICIENT_LENGTH;
        *selected = load_mask(b->bytes + SCCB_HEADER_BYTES, s->mask_length);
        return s->receive_mask && !(*selected & ~s->receive_mask) ? RC_COMPLETION : RC_INVALID_SELECTION_MASK;
    default:
        return RC_INVALID_FUNCTION;
    }
}

enum response sclp_read_event_data(struct sclp *s, struct sccb *b)
{
    struct room room = {b->bytes + SCCB_HEADER_BYTES, b->length - SCCB_HEADER_BYTES, false};
    enum response rc;
    uint64_t selected;

    pthread_mutex_lock(&s->lock);
    rc = select_events(s, b, &selected);
    if (rc == RC_COMPLETION)
        read_events(s, selected, &room);
    pthread_mutex_unlock(&s->lock);
    if (rc != RC_COMPLETION)
        return rc;
    if (room.left == b->length - SCCB_HEADER_BYTES) {
        if (room.kept)
            return RC_INSUFFICIENT_LENGTH;
        rc = RC_NO_EVENT_BUFFERS;
    }
    /* A reader that knows no variable length stops at an event of length 0. */
    memset(room.at, 0, room.left);
    if (b->bytes[SCCB_CONTROL + 2] & VARIABLE_LENGTH_RESPONSE) {
        b->bytes[SCCB_CONTROL + 2] &= (uint8_t)~VARIABLE_LENGTH_RESPONSE;
        store_be16(b->bytes, (uint16_t)(b->length - room.left));
    }
    return rc;
}
