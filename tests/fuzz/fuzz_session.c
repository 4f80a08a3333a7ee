/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of connections into sessions with the fake machine. The first byte chooses policies; a byte 0xff
 * followed by another is an event of the outside: a stop, a lost connection, the start, a peer that reads
 * late. */
#include <stdlib.h>

#include "../unit/fake_machine.c"
#include "zgdbd/log.h"
#include "zgdbd/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct session *s, size_t most)
{
    size_t len;
    session_output(s, &len);
    session_sent(s, len < most ? len : most);
}

static struct session *event(struct target *t, struct fake_machine *f, struct session *s, uint8_t what)
{
    switch (what % 5) {
    case 0:
        fake_stop(f, (enum stop_reason)(what / 5 % (STOP_ERROR + 1)));
        break;
    case 1:
        session_destroy(s);
        return session_create(t);
    case 2:
        target_start(t);
        break;
    case 3:
        target_collect(t);
        break;
    default:
        drain(s, what);
        break;
    }
    return s;
}

/* Plain bytes up to the next event. */
static size_t feed(struct session *s, const uint8_t *data, size_t n)
{
    size_t run = 0;
    while (run < n && data[run] != 0xff)
        run++;
    size_t used = session_input(s, data, run);
    if (used == 0) {
        drain(s, SIZE_MAX);
        used = session_input(s, data, run);
    }
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char no_ack[] = "$QStartNoAckMode#b0";
    static struct exec_file *exec;
    struct err e;
    int status;
    if (size < 1)
        return 0;
    log_set_level(LOG_ERROR);
    if (!exec)
        exec = exec_file_open("/etc/passwd", NULL, 0x100000, &e);
    struct fake_machine *f = fake_create((struct machine_events){NULL, NULL});
    struct target_config config = {.machine = &f->machine, .exec = exec};
    config.policy.on_panic = config.policy.on_shutdown = config.policy.on_reset =
        (enum guest_action)(data[0] % 4);
    config.policy.on_disconnect = (enum disconnect_action)(data[0] / 4 % 3);
    struct target *t = target_create(&config, &e);
    struct session *s = session_create(t);
    if (data[0] & 0x80) { /* checksums, which a fuzzer guesses badly, do not count then */
        session_input(s, no_ack, sizeof no_ack - 1);
        drain(s, SIZE_MAX);
    }
    for (size_t at = 1; at < size && !target_exited(t, &status);) {
        if (data[at] == 0xff && at + 1 < size) {
            s = event(t, f, s, data[at + 1]);
            at += 2;
            continue;
        }
        size_t used = feed(s, data + at, size - at);
        if (used == 0) {
            target_collect(t);
            used = session_closing(s) || data[at] == 0xff ? 1 : feed(s, data + at, size - at);
        }
        at += used ? used : 1;
    }
    session_destroy(s);
    machine_destroy(&f->machine);
    target_destroy(t);
    return 0;
}
