/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server with the fake machine, whose loop runs on a thread of its own, and what a test needs to be its
 * client. Each client_* ends the test if what it waits for does not come in time. Include it after cmocka.h.
 */
#ifndef SERVER_RIG_H
#define SERVER_RIG_H

#include <pthread.h>
#include <sys/un.h>

#include "fake_machine.h"
#include "packet.h"
#include "zgdbd/server.h"

struct service {
    struct server *server;
    struct fake_machine *fake;
    struct exec_file *exec;
    struct target *target;
    struct console_ring ring;
    struct console_ring input;
    pthread_t thread;
    bool running;
    int status;
    char name[256]; /* of where it listens */
    char dir[64];
    char path[96]; /* of its socket, in dir */
};

struct service *service_open(struct policy policy);
int service_listen(struct service *w, const char *address, struct err *e);
int service_listen_unix(struct service *w, struct err *e);
void service_run(struct service *w);
/* The last two; all three. */
void service_start_unix(struct service *w);
struct service *service_open_unix(struct policy policy);
/* The loop's exit status, once it ends; by SIGTERM. */
int service_join(struct service *w);
int service_stop(struct service *w);
void service_close(struct service *w);

/* The guest's side of the console: it writes, takes exactly len bytes in reads of chunk bytes, or reads just
 * this text. */
void guest_writes(struct service *w, const char *text);
void guest_takes(struct service *w, char *buf, size_t len, size_t chunk);
void guest_reads(struct service *w, const char *text);

/* A socket and the address of the service's. */
int client_socket(const struct service *w, struct sockaddr_un *un);
int client_dial(const struct service *w);
bool client_ready(int fd, short events);
void client_put(int fd, const char *text);
void client_packet(int fd, const char *payload);
/* Reads one byte. */
void client_ack(int fd);
/* Reads until a complete packet's end was seen, into a static buffer; "" at the end of the connection. */
const char *client_get(int fd);
/* The reply to the packet, acknowledgement included, starts so. */
void client_expect(int fd, const char *packet, const char *start);
bool client_at_end(int fd);
/* Reads just this text. */
void client_reads(int fd, const char *text);
/* Another socket than the service's own. */
int client_dial_path(const char *path);
/* Dials, is served, and leaves. */
void client_visit(const struct service *w);

#endif
