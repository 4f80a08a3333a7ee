/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the service-call processor share: the private copy of an SCCB with its header, the
 * response codes, and the event buffers. Numbers are those of QEMU's include/hw/s390x/sclp.h and
 * event-facility.h and of Linux drivers/s390/char/sclp.h. */
#ifndef ZGDBD_SCLP_H
#define ZGDBD_SCLP_H

#include "zgdbd/guest.h"

enum response {
    RC_READ_COMPLETION = 0x0010,
    RC_COMPLETION = 0x0020,
    RC_BOUNDARY_VIOLATION = 0x0100,
    RC_INVALID_COMMAND = 0x01f0,
    RC_INSUFFICIENT_LENGTH = 0x0300,
    RC_INVALID_FUNCTION = 0x40f0,
    RC_NO_EVENT_BUFFERS = 0x60f0,
    RC_INVALID_SELECTION_MASK = 0x70f0,
    RC_INCONSISTENT_LENGTHS = 0x72f0,
    RC_EVENT_BUFFER_SYNTAX = 0x73f0,
    RC_INVALID_MASK_LENGTH = 0x74f0,
};

/* SCCB header. */
#define SCCB_FUNCTION 2
#define SCCB_CONTROL 3 /* three bytes */
#define SCCB_RESPONSE 6
#define SCCB_HEADER_BYTES 8u

#define SCCB_MAX_BYTES                                                                                       \
    0xffffu /* that the length field can say; without extended lengths a page is the limit */

/* Copy of an SCCB; length is that of the header when it was fetched, and what may be stored back. */
struct sccb {
    unsigned length;
    uint8_t bytes[SCCB_MAX_BYTES];
};

/* Event buffers. */
#define EVENT_TYPE 2
#define EVENT_FLAGS 3
#define EVENT_HEADER_BYTES 6u
#define EVENT_ACCEPTED 0x80

/* The event facility: one function for each command. The caller holds s->call. */
enum response sclp_write_event_mask(struct sclp *s, struct sccb *b);
enum response sclp_write_event_data(struct sclp *s, struct sccb *b);
enum response sclp_read_event_data(struct sclp *s, struct sccb *b);

/* ---- line mode ---- */

/* What one operator command holds at most: the text is in a subvector in a subvector, each of which
 * counts its length in one byte. */
#define LINE_TEXT_MAX 251u

/* Bytes of an operator command's vectors without its text. */
#define LINE_VECTOR_BYTES 16u

/* Do the objects of a message data block (an event without its header) lie in it? */
bool line_message_valid(const uint8_t *mdb, unsigned len);

/* Writes the message text objects of a valid message data block, each as a line of UTF-8 that
 * ends with CR and LF. */
void line_message_write(const struct sclp_config *config, const uint8_t *mdb);

/* Builds the data of an operator command event, LINE_VECTOR_BYTES + len bytes; text is ASCII without a line
 * end, at most LINE_TEXT_MAX bytes. What is not ASCII becomes the EBCDIC substitute character. */
void line_command(uint8_t *data, const uint8_t *text, unsigned len);

#endif
