// SPDX-License-Identifier: GPL-2.0-or-later
/* ptyrun PROGRAM [ARGUMENT...]: runs it as the foreground of a terminal of its own, at which standard input types and
 * whose screen is standard output; standard error stays. Exits as the program did, with 98 after a signal, and with 99 if
 * it left the terminal in raw mode. SIGTERM is passed on. */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static pid_t program;

static void pass_on(int number)
{
    kill(program, number);
}

/* False once there is nothing more. */
static int copy(int from, int to)
{
    char buf[4096];
    ssize_t got = read(from, buf, sizeof buf);

    for (ssize_t done = 0; done < got;) {
        ssize_t n = write(to, buf + done, (size_t) (got - done));
        if (n < 0)
            return 0;
        done += n;
    }
    return got > 0;
}

int main(int argc, char **argv)
{
    int master, status, err = dup(STDERR_FILENO);
    struct termios modes;

    if (argc < 2)
        return 2;
    program = forkpty(&master, NULL, NULL, NULL);
    if (program < 0) {
        perror("forkpty");
        return 1;
    }
    if (program == 0) {
        dup2(err, STDERR_FILENO);
        close(err);
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    signal(SIGTERM, pass_on);
    struct pollfd p[2] = {{.fd = master, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) { /* the program's end closes the terminal */
        if (poll(p, 2, -1) < 0)
            continue;
        if (p[0].revents && !copy(master, STDOUT_FILENO))
            break;
        if (p[1].revents && !copy(STDIN_FILENO, master))
            p[1].fd = -1;
    }
    waitpid(program, &status, 0);
    if (tcgetattr(master, &modes) == 0 && !(modes.c_lflag & ICANON))
        return 99;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}
