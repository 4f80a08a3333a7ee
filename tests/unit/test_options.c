/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: every option, every usage error, and that the help names everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zgdbd/options.h"
#include "zgdbd/trace.h"

#define MIB 0x100000ULL

static struct options o;
static struct err e;

/* Words separated by single blanks; the program's name is added. */
static enum options_verdict parse(const char *line)
{
    static char copy[1024];
    char *argv[32] = {"zgdbd"}, *save = NULL;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    e.text[0] = 0;
    return options_parse(argc, argv, &o, &e);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("image"), OPTIONS_RUN);
    assert_string_equal(o.image, "image");
    assert_null(o.append);
    assert_null(o.initrd);
    assert_null(o.symbols);
    assert_int_equal(o.memory, 256 * MIB);
    assert_false(o.run);
    assert_false(o.stdio);
    assert_int_equal(o.listen.kind, LISTEN_TCP);
    assert_int_equal(o.listen.port, 1234);
    assert_memory_equal(o.listen.addr, "\x7f\0\0\1", 4);
    assert_int_equal(o.consoles[0].kind, CONSOLE_STDIO);
    assert_int_equal(o.policy.on_panic, ACTION_DEFAULT);
    assert_int_equal(o.policy.on_reset, ACTION_DEFAULT);
    assert_int_equal(o.policy.on_shutdown, ACTION_DEFAULT);
    assert_int_equal(o.policy.on_disconnect, DISCONNECT_RUN);
    assert_int_equal(o.log, LOG_WARNING);
    assert_false(o.tod_runs);
    assert_false(o.shows_tasks);
    assert_null(o.trace);
}

static void test_every_option(void **state)
{
    (void)state;
    assert_int_equal(
        parse("--append root=1 --initrd rd --symbols vmlinux --memory=1G --listen unix:/tmp/s --run "
              "--console file:out --on-panic restart --on-reset exit --on-shutdown stop "
              "--stop-at symbols --on-disconnect stop --log debug --trace t bzImage"),
        OPTIONS_RUN);
    assert_string_equal(o.image, "bzImage");
    assert_string_equal(o.append, "root=1");
    assert_string_equal(o.initrd, "rd");
    assert_string_equal(o.symbols, "vmlinux");
    assert_int_equal(o.memory, 1024 * MIB);
    assert_int_equal(o.listen.kind, LISTEN_UNIX);
    assert_string_equal(o.listen.path, "/tmp/s");
    assert_true(o.run);
    assert_int_equal(o.consoles[0].kind, CONSOLE_FILE);
    assert_string_equal(o.consoles[0].path, "out");
    assert_int_equal(o.policy.on_panic, ACTION_RESTART);
    assert_int_equal(o.policy.on_reset, ACTION_EXIT);
    assert_int_equal(o.policy.on_shutdown, ACTION_STOP);
    assert_int_equal(o.policy.on_disconnect, DISCONNECT_STOP);
    assert_int_equal(o.policy.stop_at, STOP_AT_SYMBOLS);
    assert_int_equal(o.log, LOG_DEBUG);
    assert_string_equal(o.trace, "t");
    assert_int_equal(o.trace_kinds, EXIT_KINDS_ALL);
    assert_int_equal(parse("--trace-only diag,service-call --trace t i"), OPTIONS_RUN);
    assert_int_equal(o.trace_kinds, 1u << EXIT_DIAG | 1u << EXIT_SERVICE_CALL);
    assert_int_equal(parse("image --on-disconnect exit"), OPTIONS_RUN);
    assert_int_equal(o.policy.on_disconnect, DISCONNECT_EXIT);
    assert_int_equal(parse("image --tod run"), OPTIONS_RUN);
    assert_true(o.tod_runs);
    assert_int_equal(parse("image --tod stop"), OPTIONS_RUN);
    assert_false(o.tod_runs);
    assert_int_equal(parse("image --threads tasks"), OPTIONS_RUN);
    assert_true(o.shows_tasks);
    assert_int_equal(parse("image --threads cpus"), OPTIONS_RUN);
    assert_false(o.shows_tasks);
}

static void test_image_options(void **state)
{
    (void)state;
    assert_int_equal(parse("--load-address 0x2000 --entry 8200 --load a@1@0x10 --load b@0X1f i"),
                     OPTIONS_RUN);
    assert_true(o.flat);
    assert_int_equal(o.load_address, 0x2000);
    assert_true(o.has_entry);
    assert_int_equal(o.entry, 8200);
    assert_int_equal(o.nextras, 2);
    assert_string_equal(o.extras[0].path, "a@1");
    assert_int_equal(o.extras[0].addr, 0x10);
    assert_string_equal(o.extras[1].path, "b");
    assert_int_equal(o.extras[1].addr, 0x1f);
    assert_false(o.has_psw);
    assert_int_equal(parse("--psw 0002000180000000:0xfff --memory-file m i"), OPTIONS_RUN);
    assert_true(o.has_psw);
    assert_int_equal(o.psw.mask, 0x0002000180000000);
    assert_int_equal(o.psw.addr, 0xfff);
    assert_string_equal(o.memory_file, "m");
    assert_false(o.flat);
}

static void test_consoles(void **state)
{
    (void)state;
    assert_int_equal(parse("--console stdio --console pty --console unix:/s --console log:/l i"),
                     OPTIONS_RUN);
    assert_int_equal(o.nconsoles, 4);
    assert_int_equal(o.consoles[1].kind, CONSOLE_PTY);
    assert_int_equal(o.consoles[2].kind, CONSOLE_UNIX);
    assert_string_equal(o.consoles[2].path, "/s");
    assert_int_equal(o.consoles[3].kind, CONSOLE_LOG);
    assert_string_equal(o.consoles[3].path, "/l");
    assert_int_equal(o.console_type, SCLP_VT220);
    assert_int_equal(o.escape, 0x1d);
    assert_int_equal(parse("--console-type both --escape ^a i"), OPTIONS_RUN);
    assert_int_equal(o.console_type, SCLP_VT220 | SCLP_LINE);
    assert_int_equal(o.escape, 1);
    assert_int_equal(parse("--console-type line --escape none i"), OPTIONS_RUN);
    assert_int_equal(o.console_type, SCLP_LINE);
    assert_int_equal(o.escape, CONSOLE_NO_ESCAPE);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *line;
        uint64_t bytes;
    } good[] = {{"--memory 1M i", MIB},
                {"--memory 2m i", 2 * MIB},
                {"--memory 1024K i", MIB},
                {"--memory 1048576 i", MIB},
                {"--memory 3g i", 3 * 1024 * MIB}};
    (void)state;
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(parse(good[i].line), OPTIONS_RUN);
        assert_int_equal(o.memory, good[i].bytes);
    }
}

static void test_addresses(void **state)
{
    (void)state;
    assert_int_equal(parse("--listen tcp:localhost:0 i"), OPTIONS_RUN);
    assert_memory_equal(o.listen.addr, "\x7f\0\0\1", 4);
    assert_int_equal(parse("--listen tcp:[::1]:65535 i"), OPTIONS_RUN);
    assert_true(o.listen.ipv6);
    assert_int_equal(o.listen.port, 65535);
    assert_int_equal(parse("--listen tcp:127.1.2.3:9 i"), OPTIONS_RUN);
    assert_int_equal(parse("--listen fd:3 i"), OPTIONS_RUN);
    assert_int_equal(o.listen.fd, 3);
    assert_int_equal(parse("--listen tcp::1234 --listen-any i"), OPTIONS_RUN);
    assert_memory_equal(o.listen.addr, "\0\0\0\0", 4);
    assert_int_equal(parse("--listen-any --listen tcp:*:1234 i"), OPTIONS_RUN);
    assert_int_equal(parse("--listen-any --listen tcp:[::]:1234 i"), OPTIONS_RUN);
    assert_int_equal(parse("--listen-any --listen tcp:192.0.2.1:1234 i"), OPTIONS_RUN);
}

static void test_stdio(void **state)
{
    (void)state;
    assert_int_equal(parse("--stdio i"), OPTIONS_RUN);
    assert_true(o.stdio);
    assert_int_equal(o.consoles[0].kind, CONSOLE_NONE);
    assert_int_equal(parse("--stdio --console file:x i"), OPTIONS_RUN);
    assert_int_equal(o.consoles[0].kind, CONSOLE_FILE);
}

static void test_usage_errors(void **state)
{
    static const struct {
        const char *line, *part;
    } bad[] = {
        {"", "no IMAGE"},
        {"--run", "no IMAGE"},
        {"a b", "more than one"},
        {"--frobnicate i", "--frobnicate"},
        {"-x i", "-x"},
        {"-xy i", "option -x"},
        {"--run=1 i", "--run=1"},
        {"--on i", "--on"},
        {"i --memory", "--memory needs a value"},
        {"--memory 0 i", "multiple of 1M"},
        {"--memory 1K i", "multiple of 1M"},
        {"--memory 1048577 i", "multiple of 1M"},
        {"--memory x i", "not a size"},
        {"--memory M i", "not a size"},
        {"--memory -1M i", "not a size"},
        {"--memory 1T i", "not a size"},
        {"--memory 1MB i", "not a size"},
        {"--memory 18446744073709551616 i", "too large"},
        {"--memory 18446744073709551615G i", "too large"},
        {"--memory 9007199254740992K i", "too large"},
        {"--listen 127.0.0.1:1 i", "tcp:HOST:PORT, unix:PATH or fd:N"},
        {"--listen tcp: i", "PORT"},
        {"--listen tcp:127.0.0.1 i", "PORT"},
        {"--listen tcp:127.0.0.1: i", "PORT"},
        {"--listen tcp:127.0.0.1:65536 i", "PORT"},
        {"--listen tcp:127.0.0.1:99999999999999999999 i", "PORT"},
        {"--listen tcp:127.0.0.1:1x i", "PORT"},
        {"--listen tcp:example.org:1 i", "HOST"},
        {"--listen tcp:::1:1 i", "HOST"},
        {"--listen tcp:[::1:1 i", "HOST"},
        {"--listen tcp:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1 i", "HOST"},
        {"--listen unix: i", "unix:PATH"},
        {"--listen fd: i", "fd:N"},
        {"--listen fd:-1 i", "fd:N"},
        {"--listen tcp:0.0.0.0:1 i", "--listen-any"},
        {"--listen tcp:[::]:1 i", "--listen-any"},
        {"--listen tcp:192.0.2.1:1 i", "--listen-any"},
        {"--stdio --listen fd:3 i", "exclude"},
        {"--stdio --console stdio i", "exclude"},
        {"--console stdio --stdio i", "exclude"},
        {"--console x i", "must be stdio, pty, unix:PATH"},
        {"--console file: i", "must be stdio, pty, unix:PATH"},
        {"--console pty: i", "must be stdio, pty, unix:PATH"},
        {"--console stdio2 i", "must be stdio, pty, unix:PATH"},
        {"--console none --console pty i", "exclude"},
        {"--console stdio --console stdio i", "twice"},
        {"--console pty --console pty --console pty --console pty --console pty --console pty --console pty "
         "--console pty --console pty i",
         "only 8"},
        {"--console-type x i", "must be vt220, line or both"},
        {"--escape x i", "--escape x"},
        {"--escape ^ i", "--escape ^"},
        {"--escape ^aa i", "--escape ^aa"},
        {"--load x i", "FILE@ADDRESS"},
        {"--load @1 i", "FILE@ADDRESS"},
        {"--load x@ i", "FILE@ADDRESS"},
        {"--load x@1g i", "FILE@ADDRESS"},
        {"--load-address 0x i", "not an address"},
        {"--load-address -1 i", "not an address"},
        {"--entry 0x10000000000000000 i", "not an address"},
        {"--entry \x11 i", "not an address"},
        {"--psw 1 i", "MASK:ADDR"},
        {"--psw 1: i", "MASK:ADDR"},
        {"--psw :1 i", "MASK:ADDR"},
        {"--psw 1:2:3 i", "MASK:ADDR"},
        {"--psw 1:2 --entry 3 i", "exclude"},
        {"--on-panic run i", "--on-panic run: must be stop, restart, exit, report:FILE or dump:FILE"},
        {"--on-panic core:f i", "must be stop, restart, exit, report:FILE or dump:FILE"},
        {"--on-panic report: i", "--on-panic report:: name the file, as in report:FILE"},
        {"--on-panic dump: i", "name the file, as in dump:FILE"},
        {"--stop-at panic i", "must be placed or symbols"},
        {"--on-reset x i", "must be stop, restart or exit"},
        {"--on-shutdown x i", "must be stop, restart or exit"},
        {"--on-disconnect restart i", "must be run, stop or exit"},
        {"--tod off i", "must be stop or run"},
        {"--threads all i", "must be cpus or tasks"},
        {"--trace-only diag i", "give --trace FILE, too"},
        {"--trace t --trace-only , i", "give a reason, such as diag"},
        {"--trace t --trace-only diag,x i", "--trace-only x: no exit is called so; exits are debug, "},
        {"--log loud i", "must be error, warning, info or debug"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse(bad[i].line), OPTIONS_ERROR);
        assert_int_equal(e.status, EXIT_USAGE);
        if (!strstr(e.text, bad[i].part))
            fail_msg("%s: %s", bad[i].line, e.text);
    }
}

static void test_a_path_that_is_too_long(void **state)
{
    char line[300] = "--listen unix:/";
    (void)state;
    memset(line + 15, 'x', 107);
    strcpy(line + 15 + 107, " i");
    assert_int_equal(parse(line), OPTIONS_ERROR);
    strcpy(line + 15 + 106, " i");
    assert_int_equal(parse(line), OPTIONS_RUN);
}

static void test_core(void **state)
{
    static const char *const for_guests[] = {
        "--append x", "--initrd x",      "--load x@0",          "--load-address 0", "--entry 0",
        "--psw 0:0",  "--memory 1M",     "--memory-file x",     "--cpus 1",         "--tod run",
        "--run",      "--console none",  "--console-type line", "--escape none",    "--on-panic stop",
        "--trace x",  "--on-reset stop", "--on-shutdown exit",  "--trace-only diag"};
    char line[80];

    (void)state;
    assert_int_equal(parse("--core vmcore"), OPTIONS_RUN);
    assert_string_equal(o.core, "vmcore");
    assert_null(o.image);
    assert_int_equal(o.nconsoles, 1);
    assert_int_equal(o.consoles[0].kind, CONSOLE_NONE);
    assert_int_equal(parse("--core vmcore --stdio --symbols vmlinux --log info --on-disconnect exit "
                           "--threads tasks --dump-dir /"),
                     OPTIONS_RUN);
    assert_int_equal(parse("--core vmcore --listen unix:x --listen-any"), OPTIONS_RUN);
    for (size_t i = 0; i < sizeof for_guests / sizeof *for_guests; i++) {
        snprintf(line, sizeof line, "%s --core vmcore", for_guests[i]);
        assert_int_equal(parse(line), OPTIONS_ERROR);
        assert_int_equal(e.status, EXIT_USAGE);
        snprintf(line, sizeof line, "--core and %.*s exclude", (int)strcspn(for_guests[i], " "),
                 for_guests[i]);
        assert_non_null(strstr(e.text, line));
    }
    assert_int_equal(parse("--core vmcore image"), OPTIONS_ERROR);
    assert_non_null(strstr(e.text, "--core and IMAGE exclude each other"));
}

static void test_help_and_version(void **state)
{
    static const char *const names[] = {
        "--append",   "--initrd",      "--memory",       "--console",       "--run",
        "--listen ",  "--listen-any",  "--stdio",        "--symbols",       "--stop-at",
        "--on-panic", "--on-reset",    "--on-shutdown",  "--on-disconnect", "--log",
        "--version",  "--help",        "--load ",        "--load-address",  "--entry",
        "--psw",      "--memory-file", "--console-type", "--escape",        "--tod"};
    (void)state;
    assert_int_equal(parse("--help"), OPTIONS_DONE);
    assert_false(o.version);
    assert_int_equal(parse("--version"), OPTIONS_DONE);
    assert_true(o.version);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(strstr(options_help(), names[i]));
}

static void test_where_dumps_go(void **state)
{
    (void)state;
    assert_int_equal(parse("image"), OPTIONS_RUN);
    assert_null(o.dump_dir);
    assert_int_equal(parse("--dump-dir /tmp image"), OPTIONS_RUN);
    assert_string_equal(o.dump_dir, "/tmp");
    assert_int_equal(options_check_files(&o, &e), 0);
    assert_int_equal(parse("--dump-dir /nonexistent image"), OPTIONS_RUN);
    assert_int_equal(options_check_files(&o, &e), -1);
    assert_string_equal(
        e.text,
        "--dump-dir /nonexistent: No such file or directory; name a directory in which files can be made");
    assert_int_equal(parse("--dump-dir /etc/passwd image"), OPTIONS_RUN);
    assert_int_equal(options_check_files(&o, &e), -1);
    assert_non_null(strstr(e.text, "Not a directory"));
}

static void test_what_is_written_at_a_panic(void **state)
{
    char line[400] = "";
    (void)state;
    assert_int_equal(parse("--on-panic report:/tmp/r --on-panic restart --on-panic dump:/tmp/a:b image"),
                     OPTIONS_RUN);
    assert_int_equal(o.policy.on_panic, ACTION_RESTART);
    assert_int_equal(o.policy.npanic_files, 2);
    assert_int_equal(o.policy.panic_files[0].kind, PANIC_REPORT);
    assert_string_equal(o.policy.panic_files[0].path, "/tmp/r");
    assert_int_equal(o.policy.panic_files[1].kind, PANIC_DUMP);
    assert_string_equal(o.policy.panic_files[1].path, "/tmp/a:b");
    assert_int_equal(options_check_files(&o, &e), 0);
    assert_int_equal(parse("--on-panic dump:f image"), OPTIONS_RUN);
    assert_int_equal(o.policy.on_panic, ACTION_DEFAULT);
    assert_int_equal(options_check_files(&o, &e), 0);
    assert_false(o.policy.log_is_debuggers);
    assert_int_equal(parse("--stdio --on-panic report:f image"), OPTIONS_RUN);
    assert_true(o.policy.log_is_debuggers);
    assert_int_equal(parse("--on-panic report:/nonexistent/r image"), OPTIONS_RUN);
    assert_int_equal(options_check_files(&o, &e), -1);
    assert_string_equal(e.text, "--on-panic /nonexistent/r: No such file or directory; name a directory in "
                                "which files can be made");
    for (unsigned i = 0; i <= PANIC_FILES_MAX; i++)
        strcat(line, "--on-panic dump:f ");
    assert_int_equal(parse(strcat(line, "image")), OPTIONS_ERROR);
    assert_non_null(strstr(e.text, "only 8 files can be written"));
}

/* What cannot be written at the panic is said at the start. */
static void test_what_no_panic_file_can_be(void **state)
{
    static const char *const lines[][2] = {
        {"--on-panic report:/tmp image", "--on-panic /tmp: this is a directory; name a file in it"},
        {"--on-panic dump:/tmp image", "this is a directory"},
        {"--on-panic dump:/tmp/not-there/ image", "this is a directory"},
        {"--on-panic dump:/dev/null image", "a dump needs a regular file"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(parse(lines[i][0]), OPTIONS_RUN);
        assert_int_equal(options_check_files(&o, &e), -1);
        assert_int_equal(e.status, EXIT_USAGE);
        assert_non_null(strstr(e.text, lines[i][1]));
    }
    assert_int_equal(parse("--on-panic report:/dev/null image"), OPTIONS_RUN);
    assert_int_equal(options_check_files(&o, &e), 0);
}

static void test_what_is_read_is_not_overwritten(void **state)
{
    static const char *const written[] = {"--trace", "--console"};
    char image[] = "/tmp/zgdbd-options-XXXXXX", link[64], line[200];
    int fd = mkstemp(image);
    (void)state;
    assert_true(fd >= 0);
    snprintf(link, sizeof link, "%s.link", image);
    assert_int_equal(symlink(image, link), 0);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "%s %s%s %s", written[i], i ? "file:" : "", link, image);
        assert_int_equal(parse(line), OPTIONS_RUN);
        assert_int_equal(options_check_files(&o, &e), -1);
        assert_non_null(strstr(e.text, "this is the file of IMAGE"));
    }
    snprintf(line, sizeof line, "--initrd %s --load-address 0 --console log:%s other", image, image);
    assert_int_equal(parse(line), OPTIONS_RUN);
    assert_int_equal(options_check_files(&o, &e), -1);
    assert_non_null(strstr(e.text, "the file of --initrd"));
    snprintf(line, sizeof line, "--memory-file %s --load %s@0x1000 other", image, link);
    assert_int_equal(parse(line), OPTIONS_RUN);
    assert_int_equal(options_check_files(&o, &e), -1);
    assert_non_null(strstr(e.text, "the file of --load"));
    snprintf(line, sizeof line, "--memory-file %s --trace %s other", image, link);
    assert_int_equal(parse(line), OPTIONS_RUN);
    assert_int_equal(options_check_files(&o, &e), -1);
    assert_non_null(strstr(e.text, "the file of --memory-file"));
    snprintf(line, sizeof line, "--on-panic report:f --on-panic dump:%s %s", link, image);
    assert_int_equal(parse(line), OPTIONS_RUN);
    assert_int_equal(options_check_files(&o, &e), -1);
    assert_non_null(strstr(e.text, "this is the file of IMAGE"));
    snprintf(line, sizeof line, "--trace /tmp/none-of-these --console file:/dev/null %s", image);
    assert_int_equal(parse(line), OPTIONS_RUN);
    assert_int_equal(options_check_files(&o, &e), 0);
    close(fd);
    unlink(link);
    unlink(image);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_option),
        cmocka_unit_test(test_image_options),
        cmocka_unit_test(test_consoles),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_stdio),
        cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_a_path_that_is_too_long),
        cmocka_unit_test(test_where_dumps_go),
        cmocka_unit_test(test_what_is_written_at_a_panic),
        cmocka_unit_test(test_what_no_panic_file_can_be),
        cmocka_unit_test(test_what_is_read_is_not_overwritten),
        cmocka_unit_test(test_core),
        cmocka_unit_test(test_help_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
