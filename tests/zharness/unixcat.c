// SPDX-License-Identifier: GPL-2.0-or-later
/* unixcat PATH: joins standard input and output to a Unix socket, for a test whose box has no other program that could. Ends when
 * either side does. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
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

int main(int argc, char **argv)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    if (argc != 2 || s < 0 || strlen(argv[1]) >= sizeof name.sun_path)
        return 2;
    strcpy(name.sun_path, argv[1]);
    if (connect(s, (struct sockaddr *) &name, sizeof name) < 0) {
        perror(argv[1]);
        return 1;
    }
    struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = s, .events = POLLIN}};
    while (poll(p, 2, -1) > 0) {
        if (p[0].revents && copy(0, s) < 0)
            return 0;
        if (p[1].revents && copy(s, 1) < 0)
            return 0;
    }
    return 1;
}
