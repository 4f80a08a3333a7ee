/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The GDB Remote Serial Protocol as pure functions over bytes, in three layers: bytes to frames, a frame's
 * payload to a typed request, and a reply to the bytes of a frame. Nothing here blocks, allocates, locks or
 * knows a vcpu; every buffer belongs to the caller. The specification is the appendix "GDB Remote Serial
 * Protocol" of the GDB manual. */
#ifndef ZGDBD_PROTO_H
#define ZGDBD_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest payload accepted, in bytes between '$' and '#': the value to advertise, in hexadecimal, as
 * PacketSize. gdb then reads up to 64 KiB of memory with one `m`. */
#define RSP_PACKET_MAX 0x20000u

/* A size for the parser's buffer: the largest payload and the NUL that the parser puts behind it. */
#define RSP_IN_SIZE (RSP_PACKET_MAX + 1u)

/* A size for the buffer of replies: an ack and one reply to any transfer of at most RSP_PACKET_MAX bytes of
 * binary data (`x`, vFile:pread, qXfer) even if every byte must be escaped, or of RSP_PACKET_MAX / 2 bytes
 * and more as hex. */
#define RSP_OUT_MAX (2u * RSP_PACKET_MAX + 64u)

/* ---- Frames: bytes in, items out ---- */

enum rsp_item_kind {
    RSP_ITEM_NONE,         /* all input was consumed and nothing is complete yet */
    RSP_ITEM_PACKET,       /* a packet: payload and len are set */
    RSP_ITEM_ACK,          /* '+' between packets */
    RSP_ITEM_NAK,          /* '-' between packets: the last reply is to be sent again */
    RSP_ITEM_INTERRUPT,    /* 0x03 between packets */
    RSP_ITEM_BAD_CHECKSUM, /* answer with '-' while acks are in use, else ignore; no payload */
    RSP_ITEM_TOO_LONG,     /* good checksum, more payload than the buffer holds: ack, reply with an error */
    RSP_ITEM_MALFORMED,    /* good checksum, a broken escape or run length: ack, reply with an error */
};

/* payload points into the parser's buffer, is followed by a writable NUL at payload[len], may itself contain
 * any byte, and stays valid (and writable by the caller) until the next rsp_parser_feed. len is in bytes.
 * Both are set for RSP_ITEM_PACKET only; otherwise NULL and 0. */
struct rsp_item {
    enum rsp_item_kind kind;
    char *payload;
    size_t len;
};

enum rsp_parser_state {
    RSP_IDLE,      /* between packets */
    RSP_PAYLOAD,   /* after '$' */
    RSP_RUN,       /* after '*': the repeat count comes next */
    RSP_CHECKSUM1, /* after '#' */
    RSP_CHECKSUM2,
};

/* Private to proto/frame.c, except no_ack, which the session sets once it has agreed to QStartNoAckMode. */
struct rsp_parser {
    char *buf;  /* the caller's; size bytes */
    size_t cap; /* bytes of payload that fit: size - 1 */
    size_t len; /* bytes of payload so far, run lengths undone, escapes not */
    enum rsp_parser_state state;
    uint8_t sum;       /* of the raw payload bytes so far */
    char digit;        /* first checksum digit */
    bool too_long;     /* the payload did not fit; the rest is skipped */
    bool malformed;    /* a bad run length was seen; the rest is skipped */
    bool notification; /* began with '%': skipped, clients send none */
    bool no_ack;       /* checksums are consumed but not verified: no retransmission could be asked for */
};

/* Starts a parser on the caller's buffer of size bytes (at least 2; RSP_IN_SIZE for the daemon). The buffer
 * must live as long as the parser is fed. There is nothing to release. */
void rsp_parser_init(struct rsp_parser *p, char *buf, size_t size);

/* Feeds n bytes, stops behind the first complete item and tells it in *item; returns how many bytes were
 * consumed (1..n, and 0 only for n == 0). Call again with the rest until the item is RSP_ITEM_NONE, which
 * means all n bytes were consumed. Input may be cut anywhere.
 *
 * Run lengths are undone first, then escapes. A '$' inside a packet starts a new one and drops the old one,
 * as in gdb. Bytes between packets other than '+', '-', '$', '%' and 0x03 are noise of the line and skipped;
 * inside a packet '+', '-' and 0x03 are data. Notifications ('%') are skipped. A bad checksum outweighs the
 * other faults, since a retransmission may cure them. */
size_t rsp_parser_feed(struct rsp_parser *p, const void *data, size_t n, struct rsp_item *item);

/* ---- Requests: a payload in, its type and arguments out ---- */

/* A thread-id of the protocol. A pid that was not given (no "pPID.") is RSP_ANY, a tid that was not given
 * ("pPID") is RSP_ALL. */
#define RSP_ALL (-1)
#define RSP_ANY 0
struct rsp_thread_id {
    int64_t pid;
    int64_t tid;
};

/* What each kind fills in struct rsp_request; "-" is nothing. */
enum rsp_kind {
    RSP_QSUPPORTED,         /* qSupported[:FEATURES]: features: bits of enum rsp_feature */
    RSP_QSTARTNOACKMODE,    /* QStartNoAckMode: - */
    RSP_EXTENDED,           /* !: - */
    RSP_STOP_REASON,        /* ?: - */
    RSP_READ_REGS,          /* g: - */
    RSP_WRITE_REGS,         /* G XX...: reg.data, reg.len */
    RSP_READ_REG,           /* p n: reg.number */
    RSP_WRITE_REG,          /* P n=r...: reg.number, reg.data, reg.len */
    RSP_READ_MEM,           /* m addr,length: mem.addr, mem.len; hex reply */
    RSP_READ_MEM_BINARY,    /* x addr,length: mem.addr, mem.len; binary reply */
    RSP_WRITE_MEM,          /* M addr,length:XX... and X: mem.addr, mem.len, mem.data */
    RSP_INSERT_POINT,       /* Z type,addr,kind[;...]: point */
    RSP_REMOVE_POINT,       /* z type,addr,kind: point */
    RSP_CONTINUE,           /* c [addr], C sig[;addr]: resume */
    RSP_STEP,               /* s [addr], S sig[;addr]: resume */
    RSP_VCONT_QUERY,        /* vCont?: - */
    RSP_VCONT,              /* vCont;action[:thread-id]...: vcont */
    RSP_SET_THREAD_GENERAL, /* Hg thread-id: thread */
    RSP_SET_THREAD_RESUME,  /* Hc thread-id: thread */
    RSP_THREAD_ALIVE,       /* T thread-id: thread */
    RSP_CURRENT_THREAD,     /* qC: - */
    RSP_THREADS_FIRST,      /* qfThreadInfo: - */
    RSP_THREADS_NEXT,       /* qsThreadInfo: - */
    RSP_THREAD_EXTRA,       /* qThreadExtraInfo,thread-id: thread */
    RSP_ATTACHED,           /* qAttached[:pid]: pid */
    RSP_XFER_READ,          /* qXfer:object:read:annex:offset,n: xfer */
    RSP_FILE_OPEN,          /* vFile:open:filename,flags,mode: file.name, file.flags, file.mode */
    RSP_FILE_PREAD,         /* vFile:pread:fd,count,offset: file.fd, file.count, file.offset */
    RSP_FILE_CLOSE,         /* vFile:close:fd: file.fd */
    RSP_FILE_FSTAT,         /* vFile:fstat:fd: file.fd */
    RSP_FILE_SETFS,         /* vFile:setfs:pid: pid */
    RSP_DETACH,             /* D[;pid]: pid */
    RSP_KILL,               /* k: - (has no reply) */
    RSP_KILL_PID,           /* vKill;pid: pid */
    RSP_RESTART,            /* R XX: - (has no reply) */
    RSP_RUN_PROGRAM,        /* vRun;filename[;argument]...: run */
    RSP_ATTACH,             /* vAttach;pid: pid */
    RSP_MONITOR,            /* qRcmd,command: monitor.text, monitor.text_len */
    RSP_OFFSETS,            /* qOffsets: - */
    RSP_QUERY_PHYS_MODE,    /* qqemu.PhyMemMode: - */
    RSP_SET_PHYS_MODE,      /* Qqemu.PhyMemMode:0|1: flag */
    RSP_SEARCH_MEM,         /* qSearch:memory:addr;length;pattern: search */
    RSP_CRC_MEM,            /* qCRC:addr,length: mem.addr, mem.len */
    RSP_NON_STOP,           /* QNonStop:0|1: flag */
    RSP_NEXT_STOPPED,       /* vStopped: - */
    RSP_CTRL_C,             /* vCtrlC: - */
    RSP_THREAD_EVENTS,      /* QThreadEvents:0|1: flag */
    RSP_PASS_SIGNALS,       /* QPassSignals:..., QProgramSignals:...: - (a CPU takes none) */
    RSP_FILE_READLINK,      /* vFile:readlink:filename: file.name */
    RSP_FILE_STAT,          /* vFile:stat:filename, vFile:lstat:filename: file.name */
    RSP_FILE_CHANGE,        /* vFile:pwrite, vFile:unlink: - */
    RSP_KINDS,              /* how many there are */
};

/* Features announced by gdb in qSupported as "name+" (xmlRegisters as "name=value"). */
enum rsp_feature {
    RSP_FEATURE_MULTIPROCESS = 1 << 0,
    RSP_FEATURE_SWBREAK = 1 << 1,
    RSP_FEATURE_HWBREAK = 1 << 2,
    RSP_FEATURE_ERROR_MESSAGE = 1 << 3, /* "E.text" may be sent in reply to any packet */
    RSP_FEATURE_VCONT = 1 << 4,         /* vContSupported */
    RSP_FEATURE_THREAD_EVENTS = 1 << 5, /* QThreadEvents */
    RSP_FEATURE_NO_RESUMED = 1 << 6,
    RSP_FEATURE_XML_REGISTERS = 1 << 7,
    RSP_FEATURE_BINARY_UPLOAD = 1 << 8,
};

/* Types of Z and z packets, with the protocol's numbers. */
enum rsp_point_type {
    RSP_POINT_SOFTWARE = 0,
    RSP_POINT_HARDWARE = 1,
    RSP_POINT_WRITE = 2,
    RSP_POINT_READ = 3,
    RSP_POINT_ACCESS = 4,
};

enum rsp_action_type {
    RSP_ACTION_CONTINUE, /* c, and C with a signal */
    RSP_ACTION_STEP,     /* s, and S with a signal */
    RSP_ACTION_STOP,     /* t */
    RSP_ACTION_RANGE,    /* r start,end */
};

struct rsp_action {
    enum rsp_action_type type;
    uint8_t signal;      /* gdb's number of the signal to deliver, 0 for none */
    uint64_t start, end; /* RSP_ACTION_RANGE: addresses, end excluded */
    struct rsp_thread_id thread;
};

#define RSP_ACTIONS_MAX 64u

/* An agent expression of a breakpoint: its bytecode (GDB manual, "The GDB Agent Expression Mechanism"), not
 * looked at. */
struct rsp_expr {
    const uint8_t *code;
    size_t len; /* bytes, at least 1 */
};

/* Conditions, and commands, that one Z packet may carry; with more it is malformed. */
#define RSP_EXPRS_MAX 64u

/* One request. Only what enum rsp_kind names for its kind is set. All pointers are into the payload that was
 * parsed and live as long as it does; strings (const char *) are NUL terminated and contain no NUL; data is
 * bytes, hex and escapes undone, in the target's order (big endian). pid is RSP_ANY where the packet may
 * leave it out and did. */
struct rsp_request {
    enum rsp_kind kind;
    union {
        unsigned features;
        struct {
            uint32_t number;
            const uint8_t *data;
            size_t len; /* of data, bytes */
        } reg;
        struct {
            uint64_t addr;
            uint64_t len;        /* bytes; addr + len does not pass 2^64. Reads: any value, may be 0 */
            const uint8_t *data; /* writes: len bytes */
        } mem;
        struct {
            enum rsp_point_type type;
            uint64_t addr;
            uint64_t kind; /* Z0, Z1: the kind of instruction; Z2 to Z4: the length in bytes */
            unsigned nconditions;
            struct rsp_expr conditions[RSP_EXPRS_MAX];
            unsigned ncommands;
            struct rsp_expr commands[RSP_EXPRS_MAX];
            bool persist; /* commands: they are to be run when the debugger is gone, too */
        } point;
        struct {
            uint8_t signal; /* 0 for none */
            bool has_addr;
            uint64_t addr; /* where to resume, if has_addr */
        } resume;
        struct {
            unsigned count; /* 1..RSP_ACTIONS_MAX */
            /* In the packet's order: for each thread the first action that matches it holds. An action
             * without a thread-id has thread {RSP_ALL, RSP_ALL}. A thread that matches none stays. */
            struct rsp_action actions[RSP_ACTIONS_MAX];
        } vcont;
        struct rsp_thread_id thread;
        int64_t pid;
        struct {
            const char *object; /* "features", "threads", ... */
            const char *annex;  /* "target.xml"; may be empty */
            uint64_t offset;    /* bytes */
            uint64_t len;       /* bytes wanted */
        } xfer;
        struct {
            const char *name;
            uint32_t flags; /* the protocol's open flags: 0 read, 1 write, 2 both, 200 (hex) create, ... */
            uint32_t mode;  /* the protocol's mode bits */
            int fd;
            uint64_t count; /* bytes wanted */
            uint64_t offset;
        } file;
        struct {
            const char *filename; /* empty: the default program */
            const char *args;     /* argc strings, one behind the other, each with its NUL; NULL for 0 */
            unsigned argc;
        } run;
        struct {
            const char *text;
            size_t text_len; /* bytes, without the NUL */
        } monitor;
        struct {
            uint64_t addr;
            uint64_t len; /* bytes to search; addr + len does not pass 2^64 */
            const uint8_t *pattern;
            size_t pattern_len; /* bytes, at least 1 */
        } search;
        bool flag;
    };
};

enum rsp_verdict {
    RSP_OK,
    RSP_UNKNOWN,   /* no packet of ours (vMustReplyEmpty is among these): the empty reply */
    RSP_MALFORMED, /* one of ours with bad arguments; kind is set: an error reply, for vFile "F-1,16" */
};

/* Parses the payload of one packet, as rsp_parser_feed gave it: len bytes, and payload[len] must be writable.
 * Decodes hex data and terminates strings in place, so a payload can be parsed once only. An odd or foreign
 * hex digit, a number over its width, a length that does not match the data, bytes left over: all are
 * RSP_MALFORMED. Packets with types or operations beyond enum rsp_kind (Z5, qXfer writes, other vFile
 * operations) are RSP_UNKNOWN, as the protocol wants. */
enum rsp_verdict rsp_parse_request(char *payload, size_t len, struct rsp_request *out);

/* ---- Replies: appended in layers to the caller's buffer ---- */

/* How a reply is framed. */
enum rsp_begin_flags {
    RSP_PLAIN = 0,
    RSP_RLE = 1, /* run-length encode at the end: for replies with long runs, such as `g` or memory */
    /* Begins with '%': no reply, and nobody acknowledges it. The text is "NAME:event", for example
     * "Stop:T05". One that does not fit is dropped as a whole; rsp_end tells it. */
    RSP_NOTIFICATION = 2,
};

/* buf[0..len) is what is to be sent; it may hold acks and earlier replies. Clear it with len = 0 (not between
 * rsp_begin and rsp_end) or move the rest down after a partial write. The other members are private. */
struct rsp_out {
    char *buf;    /* the caller's; cap bytes */
    size_t cap;   /* RSP_OUT_MAX for the daemon */
    size_t len;   /* bytes filled */
    size_t start; /* where the '$' of the reply under construction is */
    bool open;    /* between rsp_begin and rsp_end */
    bool rle;
    bool overflow; /* something did not fit: sticky until the next rsp_begin */
};

void rsp_out_init(struct rsp_out *out, char *buf, size_t cap);

/* Append one '+' or '-', outside a reply. Without room for it nothing is appended. */
void rsp_ack(struct rsp_out *out);
void rsp_nak(struct rsp_out *out);

/* Begins a reply. One that was begun and not ended is dropped. */
void rsp_begin(struct rsp_out *out, enum rsp_begin_flags flags);

/* Ends the reply: run lengths if asked for, then '#' and the checksum. Returns 0. If the reply did not fit it
 * becomes the error reply E5a (EMSGSIZE) as a whole, or nothing if not even that fits (7 bytes), and -1 is
 * returned. So a frame in the buffer is always complete. */
int rsp_end(struct rsp_out *out);

/* Appenders, between rsp_begin and rsp_end. What does not fit sets overflow and is not written. */
void rsp_str(struct rsp_out *out, const char *text);   /* verbatim; must be free of '#', '$', '}' and '*' */
void rsp_hex_u64(struct rsp_out *out, uint64_t value); /* 1..16 digits, no leading zeros */
void rsp_hex_u8(struct rsp_out *out, uint8_t value);   /* always two digits, as in "T05" */
void rsp_hex(struct rsp_out *out, const void *data, size_t n); /* n bytes, two digits each, in memory order */
void rsp_hex_str(struct rsp_out *out, const char *text);       /* the text's bytes in hex, without its NUL */
void rsp_binary(struct rsp_out *out, const void *data, size_t n); /* n bytes, escaped */

/* The character n times, run-length encoded at once; the reply itself must not ask for it (RSP_RLE). c is
 * none that needs an escape. */
void rsp_run(struct rsp_out *out, char c, size_t n);

/* A place for n bytes at the end of the buffer, from which rsp_hex and rsp_binary encode them where they are:
 * what is read into it needs no buffer of its own. Given to one of these as data, whole or its first part,
 * before anything but the reply's first characters (RSP_SPACE_HEAD) is appended. NULL, with overflow set, if
 * their encoding might not fit in front. */
#define RSP_SPACE_HEAD 32u
void *rsp_space(struct rsp_out *out, size_t n);

/* A thread-id: "pPID.TID" if multiprocess was agreed on, else "TID"; -1 for RSP_ALL. */
void rsp_thread(struct rsp_out *out, struct rsp_thread_id id, bool multiprocess);

/* Whole replies: each begins and ends one, dropping one that is under construction. They return what rsp_end
 * does. */
int rsp_reply(struct rsp_out *out, const char *text); /* "OK", "" for an unknown packet; verbatim */
int rsp_error(struct rsp_out *out, uint8_t error);    /* "Enn", nn an errno-like number from 1 */

/* "E.text", a whole reply too; only where error-message was announced. Bytes that are not printable ASCII or
 * that a frame cannot carry unescaped become '?'. */
int rsp_error_text(struct rsp_out *out, const char *text);

/* The reply to qXfer reads of an object of total bytes at data: 'm' or, if it reaches the end, 'l', and as
 * many bytes from offset as were asked for (length) and fit the buffer when escaped. An offset past the end
 * is E16 (EINVAL). */
int rsp_xfer(struct rsp_out *out, const void *data, size_t total, uint64_t offset, uint64_t length);

#endif
