/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line mode, the operator console of the service-call processor: messages of the guest (a message data block
 * of objects, EBCDIC text) become lines of UTF-8, a typed line becomes the nested vectors of an operator
 * command. Layouts are those of Linux drivers/s390/char/sclp_rw.h (messages) and sclp_tty.c (commands). */
#include "sclp.h"

#include "zgdbd/bytes.h"

#include <string.h>

/* Code page 500 as Unicode, which Linux uses on everything but z/VM; new line (0x15) is a line feed. */
static const uint8_t ebcdic[256] = {
    0x00, 0x01, 0x02, 0x03, 0x9c, 0x09, 0x86, 0x7f, 0x97, 0x8d, 0x8e, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x9d, 0x0a, 0x08, 0x87, 0x18, 0x19, 0x92, 0x8f, 0x1c, 0x1d, 0x1e, 0x1f,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x0a, 0x17, 0x1b, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x05, 0x06, 0x07,
    0x90, 0x91, 0x16, 0x93, 0x94, 0x95, 0x96, 0x04, 0x98, 0x99, 0x9a, 0x9b, 0x14, 0x15, 0x9e, 0x1a,
    0x20, 0xa0, 0xe2, 0xe4, 0xe0, 0xe1, 0xe3, 0xe5, 0xe7, 0xf1, 0x5b, 0x2e, 0x3c, 0x28, 0x2b, 0x21,
    0x26, 0xe9, 0xea, 0xeb, 0xe8, 0xed, 0xee, 0xef, 0xec, 0xdf, 0x5d, 0x24, 0x2a, 0x29, 0x3b, 0x5e,
    0x2d, 0x2f, 0xc2, 0xc4, 0xc0, 0xc1, 0xc3, 0xc5, 0xc7, 0xd1, 0xa6, 0x2c, 0x25, 0x5f, 0x3e, 0x3f,
    0xf8, 0xc9, 0xca, 0xcb, 0xc8, 0xcd, 0xce, 0xcf, 0xcc, 0x60, 0x3a, 0x23, 0x40, 0x27, 0x3d, 0x22,
    0xd8, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xab, 0xbb, 0xf0, 0xfd, 0xfe, 0xb1,
    0xb0, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xaa, 0xba, 0xe6, 0xb8, 0xc6, 0xa4,
    0xb5, 0x7e, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xa1, 0xbf, 0xd0, 0xdd, 0xde, 0xae,
    0xa2, 0xa3, 0xa5, 0xb7, 0xa9, 0xa7, 0xb6, 0xbc, 0xbd, 0xbe, 0xac, 0x7c, 0xaf, 0xa8, 0xb4, 0xd7,
    0x7b, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0xad, 0xf4, 0xf6, 0xf2, 0xf3, 0xf5,
    0x7d, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0xb9, 0xfb, 0xfc, 0xf9, 0xfa, 0xff,
    0x5c, 0xf7, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xb2, 0xd4, 0xd6, 0xd2, 0xd3, 0xd5,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0xb3, 0xdb, 0xdc, 0xd9, 0xda, 0x9f,
};

#define EBCDIC_SUBSTITUTE 0x3f

/* Message data block: header (length, type, tag "MDB ", revision), then objects, each with length and type.
 */
#define MDB_LENGTH 0
#define MDB_HEADER_BYTES 12u
#define OBJECT_TYPE 2
#define OBJECT_HEADER_BYTES 4u
#define OBJECT_MESSAGE_TEXT 4
#define TEXT_HEADER_BYTES 10u /* with line type, alarm control, reserved bytes */

/* Vectors of an operator command, each within the one before; key and length of the last two are a byte. */
#define GDS_MDS_MESSAGE_UNIT 0x1310
#define GDS_CP_MESSAGE_UNIT 0x1212
#define GDS_TEXT_COMMAND 0x1320
#define KEY_SELF_DEFINING_TEXT 0x31
#define KEY_TEXT 0x30

bool line_message_valid(const uint8_t *mdb, unsigned len)
{
    unsigned end, length;

    if (len < MDB_HEADER_BYTES)
        return false;
    end = load_be16(mdb + MDB_LENGTH);
    if (end < MDB_HEADER_BYTES || end > len)
        return false;
    for (unsigned at = MDB_HEADER_BYTES; at < end; at += length) {
        length = end - at < OBJECT_HEADER_BYTES ? 0 : load_be16(mdb + at);
        if (length < OBJECT_HEADER_BYTES || length > end - at)
            return false;
        if (load_be16(mdb + at + OBJECT_TYPE) == OBJECT_MESSAGE_TEXT && length < TEXT_HEADER_BYTES)
            return false;
    }
    return true;
}

/* Writes one line, with the line end of a terminal. What has no graphic, the upper control characters, is
 * shown as a question mark. */
static void write_line(const struct sclp_config *config, const uint8_t *text, unsigned len)
{
    uint8_t line[2 * 4096 + 2]; /* of a page at most; no character takes more than two bytes */
    size_t n = 0;

    for (unsigned i = 0; i < len && n < sizeof line - 4; i++) {
        uint8_t c = ebcdic[text[i]];

        if (c >= 0x80 && c < 0xa0)
            c = '?';
        if (c == '\n')
            line[n++] = '\r';
        else if (c >= 0x80)
            line[n++] = (uint8_t)(0xc0 | c >> 6);
        line[n++] = c < 0x80 ? c : (uint8_t)(0x80 | (c & 0x3f));
    }
    line[n++] = '\r';
    line[n++] = '\n';
    config->write(config->write_ctx, line, n);
}

void line_message_write(const struct sclp_config *config, const uint8_t *mdb)
{
    unsigned end = load_be16(mdb + MDB_LENGTH);
    unsigned length;

    for (unsigned at = MDB_HEADER_BYTES; at < end; at += length) {
        length = load_be16(mdb + at);
        if (load_be16(mdb + at + OBJECT_TYPE) == OBJECT_MESSAGE_TEXT)
            write_line(config, mdb + at + TEXT_HEADER_BYTES, length - TEXT_HEADER_BYTES);
    }
}

static uint8_t to_ebcdic(uint8_t ascii)
{
    for (unsigned i = 0; i < sizeof ebcdic && ascii < 0x80; i++)
        if (ebcdic[i] == ascii)
            return (uint8_t)i;
    return EBCDIC_SUBSTITUTE;
}

void line_command(uint8_t *data, const uint8_t *text, unsigned len)
{
    static const uint16_t vectors[] = {GDS_MDS_MESSAGE_UNIT, GDS_CP_MESSAGE_UNIT, GDS_TEXT_COMMAND};
    unsigned left = LINE_VECTOR_BYTES + len;

    for (unsigned i = 0; i < 3; i++, data += 4, left -= 4) {
        store_be16(data, (uint16_t)left);
        store_be16(data + 2, vectors[i]);
    }
    data[0] = (uint8_t)left;
    data[1] = KEY_SELF_DEFINING_TEXT;
    data[2] = (uint8_t)(left - 2);
    data[3] = KEY_TEXT;
    for (unsigned i = 0; i < len; i++)
        data[4 + i] = to_ebcdic(text[i]);
}
