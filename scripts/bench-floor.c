/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The benchmark's helper inside the box. It is the floor that both monitors are compared with: a server that
 * answers packets of any wanted size without doing anything, and bare KVM_RUN loops. And it is the stopwatch
 * for what must be timed where the monitors run, without a network or a shell in between: their start, the
 * boot of a guest, and exchanges over a Unix socket. An ADDRESS is a TCP port or the path of a Unix socket.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MAX (1UL << 20)
#define START_LIMIT 60
#define BOOT_LIMIT 120

static const char usage[] = "usage: bench-floor serve ADDRESS\n"
                            "       bench-floor step|steps|sw|hw COUNT\n"
                            "       bench-floor relay PATH\n"
                            "       bench-floor file PATH BYTES\n"
                            "       bench-floor start PORT [NAME=VALUE...] PROGRAM [ARGUMENT...]\n"
                            "       bench-floor boot [NAME=VALUE...] PROGRAM [ARGUMENT...]\n";

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void must(long rc, const char *what)
{
    if (rc < 0)
        err(1, "%s", what);
}

static void write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);

        must(n, "write");
        data += n;
        size -= (size_t)n;
    }
}

static struct sockaddr_in address(in_addr_t host, const char *port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(port)),
        .sin_addr.s_addr = htonl(host),
    };
}

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(name.sun_path))
        errx(1, "%s: too long for a Unix socket", path);
    strcpy(name.sun_path, path);
    return name;
}

/* Reads up to the end of the next packet; its size from the '$' on, with the packet moved to the front. 0: no
 * more. */
static size_t read_packet(int fd, char *buffer, size_t room)
{
    size_t have = 0;

    while (have < room - 1) {
        ssize_t n = read(fd, buffer + have, room - 1 - have);

        if (n <= 0)
            return 0;
        have += (size_t)n;
        buffer[have] = '\0';

        char *packet = strchr(buffer, '$');
        char *end = packet ? strchr(packet, '#') : NULL;

        if (end && buffer + have >= end + 3) {
            memmove(buffer, packet, (size_t)(end + 3 - packet));
            return (size_t)(end + 3 - packet);
        }
    }
    return 0;
}

/* ---- the echo ---- */

/* A packet of SIZE bytes of payload, which are all 0. */
static size_t make_reply(char *reply, size_t size)
{
    if (size > REPLY_MAX - 4)
        errx(1, "a reply of %zu bytes is too long", size);
    reply[0] = '$';
    memset(reply + 1, '0', size);
    snprintf(reply + 1 + size, 4, "#%02x", (unsigned)(size * '0') & 255);
    return size + 4;
}

/* Packet "=SIZE" sets the size of its own answer and of all that follow. */
static void serve_client(int fd)
{
    static char reply[REPLY_MAX];
    char request[4096];
    size_t size = make_reply(reply, 0);

    while (read_packet(fd, request, sizeof(request)) > 0) {
        if (request[1] == '=')
            size = make_reply(reply, strtoul(request + 2, NULL, 16));
        write_all(fd, reply, size);
    }
}

static int listen_at(const char *where)
{
    int on = 1, listener;

    must(listener = socket(*where == '/' ? AF_UNIX : AF_INET, SOCK_STREAM, 0), "socket");
    if (*where == '/') {
        struct sockaddr_un here = unix_address(where);

        must(bind(listener, (struct sockaddr *)&here, sizeof(here)), where);
    } else {
        struct sockaddr_in here = address(INADDR_ANY, where);

        must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
        must(bind(listener, (struct sockaddr *)&here, sizeof(here)), where);
    }
    must(listen(listener, 4), "listen");
    return listener;
}

static void serve(const char *where)
{
    int on = 1, listener = listen_at(where);

    signal(SIGPIPE, SIG_IGN);
    while (true) {
        int client = accept(listener, NULL, NULL);

        must(client, "accept");
        if (*where != '/')
            must(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "TCP_NODELAY");
        serve_client(client);
        close(client);
    }
}

/* ---- the relay ---- */

#define SHOWN_MAX 65536

/* False at a clean end of the input. */
static bool read_whole(int fd, void *to, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t n = read(fd, (char *)to + have, size - have);

        must(n, "read");
        if (n == 0 && have == 0)
            return false;
        if (n == 0)
            errx(1, "the input ended within a request");
        have += (size_t)n;
    }
    return true;
}

/* Reads one packet and what precedes it; a '#' is nowhere but before the checksum. */
static size_t read_answer(int fd, char *answer)
{
    size_t have = 0;

    while (have < 4 || answer[have - 3] != '#') {
        ssize_t n = read(fd, answer + have, REPLY_MAX - have);

        must(n, "read of an answer");
        if (n == 0)
            errx(1, "the connection ended instead of an answer");
        have += (size_t)n;
    }
    return have;
}

/* Exchanges packets for somebody outside of the box and tells how long each took. A request on standard input
 * is a size (4 bytes, big endian) and as many bytes; what comes back is nanoseconds (8 bytes), the answer's
 * size (4 bytes), and the first SHOWN_MAX bytes of it behind their number (4 bytes). */
static void relay(const char *path)
{
    static char request[SHOWN_MAX], answer[REPLY_MAX];
    struct sockaddr_un there = unix_address(path);
    uint32_t size;
    int fd;

    must(fd = socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(connect(fd, (struct sockaddr *)&there, sizeof(there)), path);
    while (read_whole(0, &size, sizeof(size))) {
        struct {
            uint64_t took;
            uint32_t size, shown;
        } head;

        size = be32toh(size);
        if (size > sizeof(request) || !read_whole(0, request, size))
            errx(1, "a request of %u bytes", size);
        uint64_t begun = now();
        write_all(fd, request, size);
        size_t got = read_answer(fd, answer);
        head.took = htobe64(now() - begun);
        head.size = htobe32((uint32_t)got);
        got = got < SHOWN_MAX ? got : SHOWN_MAX;
        head.shown = htobe32((uint32_t)got);
        write_all(1, (const char *)&head, sizeof(head));
        write_all(1, answer, got);
    }
}

/* ---- a file ---- */

#define PIECE (256UL << 10)

/* Nanoseconds to write so many bytes of this process's memory, which is there, into a new file. */
static void write_file(const char *path, size_t size)
{
    char *memory = malloc(size + 1);
    uint64_t begun;
    int fd;

    if (!memory)
        err(1, "memory for %zu bytes", size);
    memset(memory, 1, size + 1);
    begun = now();
    must(fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600), path);
    for (size_t at = 0; at < size; at += PIECE)
        write_all(fd, memory + at, size - at < PIECE ? size - at : PIECE);
    must(close(fd), "close");
    printf("%llu\n", (unsigned long long)(now() - begun));
    must(unlink(path), "unlink");
    free(memory);
}

/* ---- bare KVM_RUN ---- */

#define MIB (1UL << 20)
#define LOOP_AT 0x3000
#define STOP_AT (LOOP_AT + 4)
#define PSW_64BIT 0x0000000180000000UL
#define ICPT_OPEREXC 0x2c

/* aghi %r2,1; aghi %r3,1; j back to the first */
static const unsigned char loop[] = {0xa7, 0x2b, 0, 1, 0xa7, 0x3b, 0, 1, 0xa7, 0xf4, 0xff, 0xfc};

struct guest {
    unsigned char *memory;
    int vcpu;
    struct kvm_run *run;
};

/* One CPU, one mebibyte on a segment boundary, the loop in it; without one byte that is not needed. */
static struct guest make_guest(void)
{
    struct kvm_mp_state operating = {.mp_state = KVM_MP_STATE_OPERATING};
    struct kvm_enable_cap instr0 = {.cap = KVM_CAP_S390_USER_INSTR0};
    struct guest g;
    int kvm, vm, size;

    g.memory = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.memory == MAP_FAILED)
        err(1, "mmap of guest memory");
    g.memory += -(uintptr_t)g.memory & (MIB - 1);
    memcpy(g.memory + LOOP_AT, loop, sizeof(loop));

    struct kvm_userspace_memory_region region = {.memory_size = MIB, .userspace_addr = (uintptr_t)g.memory};

    must(kvm = open("/dev/kvm", O_RDWR), "open /dev/kvm");
    must(vm = ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    must(ioctl(vm, KVM_ENABLE_CAP, &instr0), "KVM_CAP_S390_USER_INSTR0");
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    must(g.vcpu = ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    must(size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    g.run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, g.vcpu, 0);
    if (g.run == MAP_FAILED)
        err(1, "mmap of kvm_run");
    must(ioctl(g.vcpu, KVM_S390_INITIAL_RESET, 0), "KVM_S390_INITIAL_RESET");
    must(ioctl(g.vcpu, KVM_SET_MP_STATE, &operating), "KVM_SET_MP_STATE");
    g.run->psw_mask = PSW_64BIT;
    g.run->psw_addr = LOOP_AT;
    return g;
}

/* What each way of stopping needs beforehand. */
static void arm(const struct guest *g, const char *how)
{
    struct kvm_hw_breakpoint point = {.addr = STOP_AT, .len = 1, .type = KVM_HW_BP};
    struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE};

    if (strcmp(how, "sw") == 0) {
        memset(g->memory + STOP_AT, 0, 2);
        return;
    }
    if (strcmp(how, "hw") == 0) {
        debug.control |= KVM_GUESTDBG_USE_HW_BP;
        debug.arch.nr_hw_bp = 1;
        debug.arch.hw_bp = &point;
    } else {
        debug.control |= KVM_GUESTDBG_SINGLESTEP;
    }
    must(ioctl(g->vcpu, KVM_SET_GUEST_DEBUG, &debug), "KVM_SET_GUEST_DEBUG");
}

static bool stopped_as_expected(const struct kvm_run *run, const char *how)
{
    if (strcmp(how, "sw") == 0)
        return run->exit_reason == KVM_EXIT_S390_SIEIC && run->s390_sieic.icptcode == ICPT_OPEREXC &&
               run->s390_sieic.ipa == 0;
    return run->exit_reason == KVM_EXIT_DEBUG;
}

/* Nanoseconds from entering the guest to having left it at its next step, 0x0000 or hardware breakpoint. */
static void run_bare(const char *how, long count)
{
    struct guest g = make_guest();
    uint64_t begun, sum = 0;

    arm(&g, how);
    for (long i = 0; i < count; i++) {
        if (strcmp(how, "step") != 0)
            g.run->psw_addr = LOOP_AT;
        begun = now();
        must(ioctl(g.vcpu, KVM_RUN, 0), "KVM_RUN");
        sum += now() - begun;
        if (!stopped_as_expected(g.run, how))
            errx(1, "%s: unexpected exit %u at %llx", how, g.run->exit_reason,
                 (unsigned long long)g.run->psw_addr);
    }
    printf("%llu\n", (unsigned long long)(sum / (uint64_t)count));
}

/* Nanoseconds a step, of a loop that does nothing but step. */
static void run_steps(long count)
{
    struct guest g = make_guest();
    uint64_t begun;

    arm(&g, "step");
    begun = now();
    for (long i = 0; i < count; i++)
        must(ioctl(g.vcpu, KVM_RUN, 0), "KVM_RUN");
    printf("%llu\n", (unsigned long long)((now() - begun) / (uint64_t)count));
    if (!stopped_as_expected(g.run, "step"))
        errx(1, "steps: unexpected exit %u at %llx", g.run->exit_reason, (unsigned long long)g.run->psw_addr);
}

/* ---- the stopwatch ---- */

/* Starts the command with OUTPUT as its standard output; leading NAME=VALUE words go to its environment.
 * However this program ends, the command ends with it. */
static pid_t start(char **words, int output)
{
    pid_t pid = fork();

    must(pid, "fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (; *words && strchr(*words, '='); words++)
        putenv(*words);
    dup2(output, STDOUT_FILENO);
    if (*words)
        execvp(*words, words);
    err(127, "cannot run %s", *words ? *words : "nothing");
}

static void stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void must_live(pid_t pid, const char *what)
{
    if (waitpid(pid, NULL, WNOHANG) == pid)
        errx(1, "the program ended before %s", what);
}

static int connect_when_open(pid_t pid, const char *port)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    struct sockaddr_in there = address(INADDR_LOOPBACK, port);

    for (uint64_t begun = now(); now() - begun < START_LIMIT * 1000000000ULL;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        must(fd, "socket");
        if (connect(fd, (struct sockaddr *)&there, sizeof(there)) == 0)
            return fd;
        close(fd);
        must_live(pid, "it listened");
        nanosleep(&pause, NULL);
    }
    stop(pid);
    errx(1, "nothing listens on port %s after %d s", port, START_LIMIT);
}

/* Undoes run lengths in TEXT up to '#'; false where WHOLE is too small. */
static bool expand(const char *text, char *whole, size_t room)
{
    size_t size = 0;

    for (; *text != '#'; text++) {
        int times = 1;

        if (*text == '*' && size > 0) {
            times = *++text - 29;
            if (size + (size_t)times >= room)
                return false;
            memset(whole + size, whole[size - 1], (size_t)times);
        } else {
            if (size + 1 >= room)
                return false;
            whole[size] = *text;
        }
        size += (size_t)times;
    }
    whole[size] = '\0';
    return true;
}

/* Is the answer to g that of a CPU about to execute the first instruction of a Linux image, 0x10000? */
static bool is_first_instruction(const char *packet)
{
    static char whole[65536];

    return expand(packet + 1, whole, sizeof(whole)) && strlen(whole) >= 2 * 18 * 8 &&
           strncmp(whole + 16, "0000000000010000", 16) == 0;
}

/* Nanoseconds from starting the command to correct answers to `?` and `g`. */
static void time_start(const char *port, char **words)
{
    static char reply[65536];
    int null = open("/dev/null", O_WRONLY), fd;
    uint64_t begun = now();
    pid_t pid = start(words, null);

    fd = connect_when_open(pid, port);
    write_all(fd, "+$?#3f", 6);
    bool stopped = read_packet(fd, reply, sizeof(reply)) && (reply[1] == 'T' || reply[1] == 'S');
    write_all(fd, "+$g#67", 6);
    bool correct = read_packet(fd, reply, sizeof(reply)) && is_first_instruction(reply);
    uint64_t took = now() - begun;

    stop(pid);
    if (!stopped || !correct)
        errx(1, "wrong answer to %s: %.80s", stopped ? "g" : "?", reply);
    printf("%llu\n", (unsigned long long)took);
}

/* Waits for the kernel's word on its console; it may come in pieces, so a line is kept until it ends. */
static void await_panic(FILE *console, pid_t pid)
{
    static char line[4096];

    while (fgets(line, sizeof(line), console))
        if (strstr(line, "Kernel panic - not syncing"))
            return;
    stop(pid);
    errx(1, "the guest's console ended before its kernel panicked; its last line: %s", line);
}

/* Reads on for a second, so that the guest can say the rest and come to rest. */
static void drain(FILE *console)
{
    uint64_t begun = now();
    char data[4096];

    fcntl(fileno(console), F_SETFL, O_NONBLOCK);
    while (now() - begun < 1000000000) {
        const struct timespec pause = {.tv_nsec = 10000000};

        while (read(fileno(console), data, sizeof(data)) > 0)
            continue;
        nanosleep(&pause, NULL);
    }
}

static void copy_smaps(pid_t pid)
{
    char data[4096], path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
    must(fd = open(path, O_RDONLY), path);
    while ((n = read(fd, data, sizeof(data))) > 0)
        write_all(STDOUT_FILENO, data, (size_t)n);
    close(fd);
}

/* Nanoseconds from starting the command to the panic's line on its standard output; then its smaps. */
static void time_boot(char **words)
{
    int pipe_fds[2];

    must(pipe2(pipe_fds, O_CLOEXEC), "pipe2");

    uint64_t begun = now();
    pid_t pid = start(words, pipe_fds[1]);
    FILE *console = fdopen(pipe_fds[0], "r");

    close(pipe_fds[1]);
    if (!console)
        err(1, "fdopen");
    alarm(BOOT_LIMIT);
    await_panic(console, pid);
    printf("%llu\n", (unsigned long long)(now() - begun));
    fflush(stdout);
    drain(console);
    must_live(pid, "its memory could be looked at");
    copy_smaps(pid);
    stop(pid);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";

    if (strcmp(verb, "serve") == 0)
        serve(argv[2]);
    else if (strcmp(verb, "step") == 0 || strcmp(verb, "sw") == 0 || strcmp(verb, "hw") == 0)
        run_bare(verb, atol(argv[2]) > 0 ? atol(argv[2]) : 1);
    else if (strcmp(verb, "steps") == 0)
        run_steps(atol(argv[2]) > 0 ? atol(argv[2]) : 1);
    else if (strcmp(verb, "relay") == 0)
        relay(argv[2]);
    else if (strcmp(verb, "file") == 0 && argc > 3)
        write_file(argv[2], strtoul(argv[3], NULL, 10));
    else if (strcmp(verb, "start") == 0)
        time_start(argv[2], argv + 3);
    else if (strcmp(verb, "boot") == 0)
        time_boot(argv + 2);
    else
        return fputs(usage, stderr), 2;
    return 0;
}
