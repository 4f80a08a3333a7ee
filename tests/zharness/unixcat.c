// SPDX-License-Identifier: GPL-2.0-or-later
/* unixcat PATH: joins standard input and output to a Unix socket or a terminal, for a test whose box has no other program that
 * could. Says on standard error when they are joined, and ends when either side does. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int copy(int from, int to)
{
    char buf[65536];
    ssize_t got = read(from, buf, sizeof buf);

    for (ssize_t done = 0; done < got;) {
        ssize_t n = write(to, buf + done, (size_t) (got - done));
        if (n < 0)
            return -1;
        done += n;
    }
    return got > 0 ? 0 : -1;
}

static int join(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct stat st;

    if (stat(path, &st) == 0 && S_ISCHR(st.st_mode))
        return open(path, O_RDWR | O_NOCTTY);
    if (strlen(path) >= sizeof name.sun_path)
        return -1;
    strcpy(name.sun_path, path);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(s, (struct sockaddr *) &name, sizeof name) ? -1 : s;
}

int main(int argc, char **argv)
{
    int s = argc == 2 ? join(argv[1]) : -1;

    if (s < 0) {
        perror(argv[argc - 1]);
        return 1;
    }
    fprintf(stderr, "joined\n");
    struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = s, .events = POLLIN}};
    while (poll(p, 2, -1) > 0) {
        if (p[0].revents && copy(0, s) < 0)
            return 0;
        if (p[1].revents && copy(s, 1) < 0)
            return 0;
    }
    return 1;
}
