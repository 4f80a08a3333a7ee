/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is decided at a breakpoint on the vcpu's own thread, and what follows. The decision itself is the
 * test's: a function in the place of the agent's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/agent.h"
#include "zgdbd/console.h"
#include "zgdbd/psw.h"

#define LOOP_4 "a7f4fffe" /* J .-4 */
#define LOOP_8 "a7f4fffc" /* J .-8 */
#define ITSELF "a7f40000" /* J . */

/* ---- the double ---- */

typedef bool decide_fn(const struct breakpoint *b, const struct agent_context *c, char *text, size_t size);

static decide_fn *decide;
static unsigned decided;        /* how often */
static unsigned stops_at_count; /* the decision that is a stop; 0: none */
static uint64_t seen[64];       /* what a decision noted */
static unsigned nseen;

bool agent_breakpoint_stops(const struct breakpoint *b, const struct agent_context *c, char *text,
                            size_t size)
{
    text[0] = '\0';
    decided++;
    return decide(b, c, text, size);
}

bool agent_catchpoint_stops(const struct catchpoint *p, const struct agent_context *c, char *text,
                            size_t size)
{
    (void)p;
    (void)c;
    (void)text;
    (void)size;
    return false;
}

static void note(uint64_t value)
{
    if (nseen < sizeof seen / sizeof *seen)
        seen[nseen++] = value;
}

static bool at_count(const struct breakpoint *b, const struct agent_context *c, char *text, size_t size)
{
    (void)b;
    (void)c;
    (void)text;
    (void)size;
    return decided == stops_at_count;
}

static int setup(void **state)
{
    if (rig_setup(state) < 0)
        return -1;
    decide = at_count;
    decided = stops_at_count = nseen = 0;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 LOOP_8 END);
    rig_put64(0x3000, RIG_64BIT | PSW_WAIT);
    rig_put64(0x3008, 0x3333);
    rig_set_reg(REG_R0 + 11, 0x3000);
    return 0;
}

/* ---- a condition that is false ---- */

static void goes_on_until_it_is_true(enum bp_kind kind)
{
    rig_breakpoint(kind, 0x2004, 0);
    stops_at_count = 20;
    rig_assert_stop(rig_continue(), kind == BP_SOFTWARE ? STOP_SW_BREAKPOINT : STOP_HW_BREAKPOINT, 0x2004);
    assert_int_equal(decided, 20);
    assert_int_equal(rig_reg(R10), 2 * 19 + 1);
    rig_assert_bytes(0x2000, AGHI_10_1 AGHI_10_1 LOOP_8);
    stops_at_count = 21; /* it was told, and is not counted again when it is passed */
    rig_assert_stop(rig_continue(), kind == BP_SOFTWARE ? STOP_SW_BREAKPOINT : STOP_HW_BREAKPOINT, 0x2004);
    assert_int_equal(decided, 21);
    assert_int_equal(rig_reg(R10), 2 * 20 + 1);
}

static void software_goes_on(void **state)
{
    (void)state;
    goes_on_until_it_is_true(BP_SOFTWARE);
}

static void hardware_goes_on(void **state)
{
    (void)state;
    goes_on_until_it_is_true(BP_HARDWARE);
}

static void a_jump_to_itself_counts_each_time(void **state)
{
    (void)state;
    rig_put(0x2004, ITSELF);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    stops_at_count = 10;
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2004);
    assert_int_equal(decided, 10);
}

static void a_hardware_one_on_a_jump_to_itself(void **state)
{
    (void)state;
    rig_put(0x2004, ITSELF);
    rig_breakpoint(BP_HARDWARE, 0x2004, 0);
    stops_at_count = 10;
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, 0x2004);
    assert_int_equal(decided, 10);
}

static void one_after_the_other(void **state)
{
    (void)state;
    rig_put(0x2008, LOOP_4);
    rig_breakpoint(BP_SOFTWARE, 0x2000, 0);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_breakpoint(BP_HARDWARE, 0x2008, 0);
    stops_at_count = 1 + 2 * 5;
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, 0x2008);
    assert_int_equal(rig_reg(R10), 1 + 5);
}

/* Each of two at one address is asked once for each time that the CPU is there. */
static bool kind_stops(const struct breakpoint *b, const struct agent_context *c, char *text, size_t size)
{
    (void)c;
    (void)text;
    (void)size;
    note((uint64_t)b->kind);
    return b->kind == BP_HARDWARE && decided > 6;
}

static void two_at_one_address(void **state)
{
    static const uint64_t once[] = {BP_SOFTWARE, BP_HARDWARE};

    (void)state;
    rig_breakpoint(BP_HARDWARE, 0x2004, 0);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    decide = kind_stops;
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, 0x2004);
    assert_int_equal(nseen, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(seen[i], once[i % 2]);
    assert_int_equal(rig_reg(R10), 2 * 3 + 1);
}

/* The debugger puts the PC there, then lets it go on: counted twice, passed twice. */
static void the_pc_was_put_there(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 END);
    rig_breakpoint(BP_SOFTWARE, 0x2000, 0);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    rig_set_reg(REG_PSWM, RIG_64BIT);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(decided, 2);
    assert_int_equal(rig_reg(R10), 2);
}

/* An interruption is due when the instruction is to be passed: counted once all the same. */
static bool interrupts(const struct breakpoint *b, const struct agent_context *c, char *text, size_t size)
{
    (void)b;
    (void)c;
    (void)text;
    (void)size;
    kernel.external_pending = true;
    return false;
}

static void counts_once(const char *code, uint64_t count)
{
    rig_put(0x2000, code);
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_EXT);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    decide = interrupts;
    rig_put(RIG_EXTERNAL, "b2b20130"); /* LPSWE 0x130: back */
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(decided, 1);
    assert_int_equal(rig_reg(R10), count);
    assert_int_equal(rig_get64(0x130) & PSW_EXT, PSW_EXT);
}

static void an_interruption_comes_before_a_branch(void **state)
{
    (void)state;
    counts_once(AGHI_10_1 "a7f40002" END, 1);
}

static void an_interruption_waits_for_an_addition(void **state)
{
    (void)state;
    counts_once(AGHI_10_1 AGHI_10_1 END, 2);
    rig_assert_bytes(0x138, "0000000000002008");
}

/* A restart comes first; and back at the instruction, a kick does before it is executed. */
static int kicked_at_the_second_pass(struct kvm_run *run)
{
    static const uint8_t addition[] = {0xa7, 0xab};

    if (run->psw_addr == 0x2004 && memcmp(kernel.memory + 0x2004, addition, 2) == 0) {
        note(0);
        kernel.restart_pending = nseen == 1;
    }
    if (nseen != 2)
        return kernel_cpu(run);
    note(0); /* once */
    return -EINTR;
}

static void a_kick_comes_before_what_was_interrupted(void **state)
{
    (void)state;
    rig_put64(0x1a0, RIG_64BIT);
    rig_put64(0x1a8, 0x5300);
    rig_put(0x5300, "b2b20120"); /* LPSWE 0x120: back */
    rig_put(0x2008, END);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    kernel.run = kicked_at_the_second_pass;
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_in_range(nseen, 3, 10);
    assert_int_equal(decided, 1);
    assert_int_equal(rig_reg(R10), 2);
}

/* The instruction is the opcode itself: the guest takes its operation exception. */
static void the_guests_own_opcode_is_passed(void **state)
{
    (void)state;
    rig_put(0x2004, "0000");
    rig_put(RIG_PROGRAM, END);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    stops_at_count = 10;
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(decided, 1);
    rig_assert_bytes(0x2004, "0000");
}

/* What is passed ends in a program interruption: the old PSW is as if nothing had been there. */
static void a_program_interruption(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "5800c000"); /* L 0,0(12) */
    rig_set_reg(REG_R0 + 12, RIG_MEMORY);
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_EXT | PSW_IO | PSW_MCHECK);
    rig_put(RIG_PROGRAM, END);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(decided, 1);
    assert_int_equal(rig_get64(0x150), psw_with_cc(RIG_64BIT | PSW_EXT | PSW_IO | PSW_MCHECK, 2));
    rig_assert_bytes(RIG_PROGRAM, END);
    rig_assert_bytes(0x2004, "5800c000");
}

/* What a false condition costs: two entries, or one where PER tells. */
static void hundred_times(enum stop_reason reason, unsigned most_runs, unsigned most_calls)
{
    unsigned runs, calls;

    stops_at_count = 1;
    rig_assert_stop(rig_continue(), reason, 0x2004);
    runs = kernel.runs;
    calls = kernel.debug_calls;
    stops_at_count = 101;
    rig_assert_stop(rig_continue(), reason, 0x2004);
    assert_in_range(kernel.runs - runs, 100, most_runs);
    assert_in_range(kernel.debug_calls - calls, 0, most_calls);
}

static void what_it_costs(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    for (unsigned i = 0; i < 300; i++)
        rig_breakpoint(BP_SOFTWARE, 0x4000 + 4 * i, 0);
    hundred_times(STOP_SW_BREAKPOINT, 202, 2); /* it was told, and single-stepped over, once */
}

static void what_it_costs_with_hardware(void **state)
{
    (void)state;
    rig_breakpoint(BP_HARDWARE, 0x2004, 0);
    hundred_times(STOP_HW_BREAKPOINT, 102, 4);
}

/* ---- a stop that somebody wants ---- */

static bool interrupts_the_machine(const struct breakpoint *b, const struct agent_context *c, char *text,
                                   size_t size)
{
    (void)b;
    (void)c;
    (void)text;
    (void)size;
    if (decided == 50)
        machine_interrupt(rig);
    return false;
}

static void a_flood_can_be_interrupted(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_breakpoint(BP_HARDWARE, 0x2000, 0);
    decide = interrupts_the_machine;
    rig_assert_stop(rig_continue(), STOP_INTERRUPT, 0x2004);
    assert_int_equal(decided, 50);
    rig_assert_bytes(0x2004, AGHI_10_1);
    decide = at_count; /* where it stands was counted */
    stops_at_count = 51;
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, 0x2000);
}

/* ---- what an expression sees ---- */

static bool looks(const struct breakpoint *b, const struct agent_context *c, char *text, size_t size)
{
    uint64_t value = 0;
    uint8_t bytes[16] = {0};

    (void)text;
    (void)size;
    assert_int_equal(c->read_reg(c->arg, REG_PSWA, &value), 0);
    note(value);
    assert_int_equal(c->read_reg(c->arg, R10, &value), 0);
    note(value);
    assert_int_equal(c->read_reg(c->arg, REG_A0, &value), 0);
    note(value);
    assert_int_equal(c->read_reg(c->arg, REG_C0 + 1, &value), 0);
    note(value);
    assert_int_equal(c->read_reg(c->arg, REG_V16, &value), -1);
    assert_int_equal(c->read_reg(c->arg, REG_COUNT, &value), -1);
    assert_int_equal(c->read_memory(c->arg, b->addr - 3, bytes, 16), 16);
    note(load_be64(bytes));
    note(load_be64(bytes + 8));
    assert_int_equal(c->read_memory(c->arg, RIG_MEMORY - 4, bytes, 16), 4);
    return true;
}

static void registers_and_memory_without_opcodes(void **state)
{
    static const uint64_t expected[] = {
        0x2004, 1, 0x12345678, 0x4321, 0xab0001a7ab0001a7, 0xf4fffcb2b2b00000};

    (void)state;
    rig_set_reg(REG_A0, 0x12345678);
    rig_set_reg(REG_C0 + 1, 0x4321);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_breakpoint(BP_SOFTWARE, 0x2002, 0); /* within an instruction */
    rig_breakpoint(BP_SOFTWARE, 0x2008, 0);
    rig_breakpoint(BP_SOFTWARE, 0x200e, 0);
    decide = looks;
    rig_put(0x2002, "0001");
    rig_set_reg(REG_PSWA, 0x2004);
    rig_set_reg(R10, 1);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2004);
    assert_int_equal(nseen, sizeof expected / sizeof *expected);
    assert_memory_equal(seen, expected, sizeof expected);
}

static bool fails(const struct breakpoint *b, const struct agent_context *c, char *text, size_t size)
{
    (void)c;
    if (b->kind == BP_HARDWARE)
        snprintf(text, size, "division by zero");
    return true;
}

static void a_text_is_told(void **state)
{
    struct stop stop;

    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    decide = fails;
    stop = rig_continue();
    rig_assert_stop(stop, STOP_SW_BREAKPOINT, 0x2004);
    assert_false(stop.tell);
    rig_breakpoint(BP_HARDWARE, 0x2004, 0);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_SW_BREAKPOINT, 0x2004);
    assert_true(stop.tell);
    assert_string_equal(stop.text, "division by zero");
}

/* ---- watchpoints ---- */

static bool value_stops(const struct breakpoint *b, const struct agent_context *c, char *text, size_t size)
{
    (void)text;
    (void)size;
    note(b->addr);
    note(c->old_value);
    note(c->new_value);
    return c->new_value == 0x33;
}

static void a_watchpoint_goes_on(void **state)
{
    static const uint64_t expected[] = {0x3800, 0, 0x11, 0x3800, 0x11, 0x22, 0x3800, 0x22, 0x33};
    struct stop stop;

    (void)state;
    rig_put(0x2000, "9211c000 9222c000 9222c000 9233c000 9244c000" END);
    rig_set_reg(REG_R0 + 12, 0x3800);
    rig_breakpoint(BP_WRITE, 0x3800, 1);
    decide = value_stops;
    stop = rig_continue();
    rig_assert_stop(stop, STOP_WATCH, 0x2010);
    assert_int_equal(stop.old_value, 0x22);
    assert_int_equal(stop.new_value, 0x33);
    assert_int_equal(nseen, sizeof expected / sizeof *expected);
    assert_memory_equal(seen, expected, sizeof expected);
}

static void overlapping_watchpoints(void **state)
{
    static const uint64_t expected[] = {0x3800, 0x0000, 0x1100, 0x3800, 0x1100, 0x1133, 0x3801, 0x00, 0x33};
    struct stop stop;

    (void)state;
    rig_put(0x2000, "9211c000 9233c001" END);
    rig_set_reg(REG_R0 + 12, 0x3800);
    rig_breakpoint(BP_WRITE, 0x3801, 1);
    rig_breakpoint(BP_WRITE, 0x3800, 2);
    decide = value_stops;
    stop = rig_continue();
    rig_assert_stop(stop, STOP_WATCH, 0x2008);
    assert_int_equal(stop.addr, 0x3801);
    assert_int_equal(nseen, sizeof expected / sizeof *expected);
    assert_memory_equal(seen, expected, sizeof expected);
}

/* Stores into what is watched, by an instruction that is passed. */
static void a_watchpoint_and_an_opcode(void **state)
{
    (void)state;
    rig_put(0x2000, "9211c000 9222c000 9233c000" END);
    rig_set_reg(REG_R0 + 12, 0x3800);
    rig_breakpoint(BP_WRITE, 0x3800, 1);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_breakpoint(BP_SOFTWARE, 0x2008, 0);
    decide = value_stops;
    rig_assert_stop(rig_continue(), STOP_WATCH, 0x200c);
    assert_int_equal(decided, 5);
}

static bool reads_the_handler(const struct breakpoint *b, const struct agent_context *c, char *text,
                              size_t size)
{
    uint8_t bytes[4];

    assert_int_equal(c->read_memory(c->arg, RIG_EXTERNAL, bytes, 4), 4);
    note(load_be32(bytes));
    return value_stops(b, c, text, size);
}

/* The trap of a step lies there, of which one byte is stored over. */
static void a_handler_changes_under_its_trap(void **state)
{
    static const uint64_t expected[] = {0xa7330001, RIG_EXTERNAL, 0xa7ab, 0xa733};

    (void)state;
    rig_put(0x2000, "9233c001");
    rig_set_reg(REG_R0 + 12, RIG_EXTERNAL);
    rig_breakpoint(BP_WRITE, RIG_EXTERNAL, 2);
    decide = reads_the_handler;
    rig_step();
    assert_memory_equal(seen, expected, sizeof expected);
    rig_assert_bytes(RIG_EXTERNAL, "a7330001");
}

/* The store is executed, and a kick keeps KVM from telling it. */
static int stores_and_is_kicked(struct kvm_run *run)
{
    kernel.memory[0x3800] = 0x33;
    run->psw_addr = 0x2004;
    kernel.debug_pending = KVM_HW_WP_WRITE;
    kernel.run = kernel_cpu;
    return -EINTR;
}

static void a_change_behind_a_kick_is_told(void **state)
{
    (void)state;
    rig_breakpoint(BP_WRITE, 0x3800, 1);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    decide = value_stops;
    kernel.run = stores_and_is_kicked;
    rig_put(0x2004, END);
    rig_assert_stop(rig_continue(), STOP_WATCH, 0x2004);
    assert_int_equal(decided, 1);
}

/* An opcode lies in what is watched, and is out for an instruction when a stop is wanted. */
static void watched_code_has_not_changed(void **state)
{
    (void)state;
    rig_breakpoint(BP_WRITE, 0x2004, 8);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    decide = interrupts_the_machine;
    decided = 49;
    rig_assert_stop(rig_continue(), STOP_INTERRUPT, 0x2004);
    assert_int_equal(decided, 50);
}

/* ---- what the plan says ---- */

static bool actions_stop(const struct breakpoint *b, const struct agent_context *c, char *text, size_t size)
{
    (void)text;
    (void)size;
    c->print(c->arg, "hit\n", 4);
    return b->actions->nconditions == 0;
}

static struct stop resume_with(const struct bp_actions *actions, struct console_ring *ring)
{
    struct breakpoint set[] = {{.kind = BP_SOFTWARE, .addr = 0x2004, .actions = actions}};
    struct resume_plan plan = {
        .action = {{.verb = CPU_CONTINUE}}, .nbreakpoints = 1, .breakpoints = set, .printed = ring};

    assert_int_equal(machine_resume(rig, &plan, &rig_err), 0);
    return rig_wait();
}

/* The same breakpoint with another condition; and what is printed goes where the plan says. */
static void other_actions_at_the_same_place(void **state)
{
    static const struct bp_actions never = {.nconditions = 1}, always = {.nconditions = 0};
    static struct console_ring ring;
    uint8_t text[16];

    (void)state;
    console_init(&ring, NULL, NULL);
    decide = actions_stop;
    rig_assert_stop(resume_with(&always, NULL), STOP_SW_BREAKPOINT, 0x2004);
    rig_put(0x2008, END);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(resume_with(&never, &ring), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(console_read(&ring, text, sizeof text, NULL), 4);
    assert_memory_equal(text, "hit\n", 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(software_goes_on),
        TEST(hardware_goes_on),
        TEST(a_jump_to_itself_counts_each_time),
        TEST(a_hardware_one_on_a_jump_to_itself),
        TEST(one_after_the_other),
        TEST(two_at_one_address),
        TEST(the_pc_was_put_there),
        TEST(an_interruption_comes_before_a_branch),
        TEST(an_interruption_waits_for_an_addition),
        TEST(a_kick_comes_before_what_was_interrupted),
        TEST(the_guests_own_opcode_is_passed),
        TEST(a_program_interruption),
        TEST(what_it_costs),
        TEST(what_it_costs_with_hardware),
        TEST(a_flood_can_be_interrupted),
        TEST(registers_and_memory_without_opcodes),
        TEST(a_text_is_told),
        TEST(a_watchpoint_goes_on),
        TEST(overlapping_watchpoints),
        TEST(a_watchpoint_and_an_opcode),
        TEST(a_handler_changes_under_its_trap),
        TEST(a_change_behind_a_kick_is_told),
        TEST(watched_code_has_not_changed),
        TEST(other_actions_at_the_same_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
