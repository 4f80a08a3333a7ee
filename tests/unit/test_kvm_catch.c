/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Catchpoints in the engine: interruptions at the first instruction of handlers that move, share a new PSW or
 * are no code, and exits that are kept until the next resume. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"
#include "zgdbd/trace.h"

#define SVC_5 "0a05"
#define SVC_6 "0a06"
#define NOPR "0700"
#define OPERATION "b2ff0000"
#define DIAG_999 "83230999"
#define SIGP_SET_ARCHITECTURE "ae000012"
#define RETURN_SVC "b2b20140" /* LPSWE from the SVC old PSW */
#define RETURN_PROGRAM "b2b20150"
#define NEW_PSW(old) ((old) + 0x80)

static struct bp_counts counts[4];
static struct catchpoint points[4];
static size_t npoints;

static struct catchpoint *catch (enum catch_kind kind, unsigned ncodes, uint32_t code)
{
    struct catchpoint *p = &points[npoints];

    memset(&counts[npoints], 0, sizeof *counts);
    *p = (struct catchpoint){.kind = kind,
                             .number = (unsigned)npoints + 1,
                             .ncodes = ncodes,
                             .codes = {code},
                             .counts = &counts[npoints]};
    npoints++;
    rig_catch(points, npoints);
    return p;
}

static int setup(void **state)
{
    if (rig_setup(state) < 0)
        return -1;
    npoints = 0;
    rig_catch(points, 0);
    rig_put64(0x3000, RIG_64BIT | PSW_WAIT);
    rig_put64(0x3008, 0x3333);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_put(RIG_SVC, AGHI_10_1 RETURN_SVC);
    rig_put(RIG_PROGRAM, AGHI_10_1 RETURN_PROGRAM);
    return 0;
}

static void assert_caught(struct stop stop, unsigned number, uint64_t pc, const char *words)
{
    rig_assert_stop(stop, STOP_CATCH, pc);
    assert_int_equal(stop.catchpoint, number);
    assert_true(stop.tell);
    if (!strstr(stop.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, stop.text);
}

static void assert_counts(unsigned i, unsigned reached, unsigned hits)
{
    assert_int_equal(counts[i].reached, reached);
    assert_int_equal(counts[i].hits, hits);
}

/* ---- interruptions ---- */

static void at_the_first_instruction(void **state)
{
    (void)state;
    rig_put(0x2000, SVC_5 SVC_6 OPERATION END);
    catch (CATCH_SVC, 1, 6);
    catch (CATCH_PROGRAM, 0, 0);
    assert_caught(rig_continue(), 1, RIG_SVC, "catchpoint 1: SVC 6, ILC 2");
    assert_int_equal(rig_reg(R10), 1); /* of SVC 5, which is passed */
    rig_assert_bytes(RIG_SVC, AGHI_10_1);
    assert_caught(rig_continue(), 2, RIG_PROGRAM, "program interruption 0x0001 (operation), ILC 4");
    rig_assert_bytes(RIG_PROGRAM, AGHI_10_1);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 3);
    assert_counts(0, 1, 1);
    assert_counts(1, 1, 1);
}

static void an_interruption_by_zgdbd(void **state)
{
    (void)state;
    rig_put(0x2000, DIAG_999 END);
    catch (CATCH_PROGRAM, 1, 6);
    assert_caught(rig_continue(), 1, RIG_PROGRAM, "0x0006 (specification)");
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_counts(0, 1, 1);
}

static void counted_and_with_a_breakpoint(void **state)
{
    (void)state;
    rig_put(0x2000, SVC_5 SVC_5 SVC_5 NOPR END);
    catch (CATCH_SVC, 0, 0)->skip = 1;
    rig_breakpoint(BP_SOFTWARE, RIG_SVC, 0);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, RIG_SVC);
    assert_counts(0, 1, 1);
    assert_caught(rig_continue(), 1, RIG_SVC, "SVC 5");
    rig_no_breakpoints();
    assert_caught(rig_continue(), 1, RIG_SVC, "SVC 5");
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_counts(0, 3, 3);
    assert_int_equal(rig_reg(R10), 3);
}

/* The new PSW is changed by the guest right in front of the interruption. */
static void a_handler_that_moves(void **state)
{
    (void)state;
    rig_put(RIG_EXTERNAL, AGHI_10_1 AGHI_10_1 RETURN_SVC);
    rig_put(0x2000, "925001ce" SVC_5 NOPR END); /* 0x5100 becomes 0x5000 */
    catch (CATCH_SVC, 0, 0);
    assert_caught(rig_continue(), 1, RIG_EXTERNAL, "SVC 5");
    rig_assert_bytes(RIG_SVC, AGHI_10_1);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 2);
}

/* PER watches the new PSWs, but not beside anything else, whose range that would widen. */
static void per_is_left_to_the_user(void **state)
{
    (void)state;
    rig_put(0x2000, SVC_5 NOPR NOPR END);
    catch (CATCH_SVC, 0, 0);
    assert_caught(rig_continue(), 1, RIG_SVC, "SVC 5");
    assert_int_equal(kernel.nhw, 1);
    assert_int_equal(kernel.hw[0].type, KVM_HW_WP_WRITE);
    assert_int_equal(kernel.hw[0].phys_addr, 0x1a0);
    assert_int_equal(kernel.hw[0].len, 96);
    rig_breakpoint(BP_HARDWARE, 0x2004, 0);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, 0x2004);
    assert_int_equal(kernel.nhw, 1);
    assert_int_equal(kernel.hw[0].type, KVM_HW_BP);
}

static void classes_that_share_a_new_psw(void **state)
{
    (void)state;
    rig_put64(NEW_PSW(0x158), RIG_SVC);
    rig_put(0x2000, SVC_5 SVC_5 OPERATION NOPR END);
    rig_put(RIG_SVC, "a7f40010"); /* to 0x5120: a debugger sends it on */
    rig_put(0x5120, "a7f40000");
    catch (CATCH_PROGRAM, 0, 0);
    catch (CATCH_SVC, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_caught(rig_continue(), 2, RIG_SVC, "SVC 5");
        rig_set_reg(REG_PSWA, 0x2002 + 2 * i);
    }
    assert_caught(rig_continue(), 1, RIG_SVC, "(operation)");
    assert_counts(0, 1, 1);
    assert_counts(1, 2, 2);
}

static void a_new_psw_that_waits(void **state)
{
    (void)state;
    rig_put64(NEW_PSW(0x140), RIG_64BIT | PSW_WAIT);
    rig_put64(NEW_PSW(0x148), 0x4444);
    rig_put(0x2000, SVC_5 END);
    catch (CATCH_SVC, 0, 0);
    assert_caught(rig_continue(), 1, 0x4444, "SVC 5");
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x4444);
    assert_counts(0, 1, 1);
}

static void a_step_into_a_handler(void **state)
{
    (void)state;
    rig_put(0x2000, SVC_5 END);
    catch (CATCH_SVC, 0, 0);
    assert_caught(rig_step(), 1, RIG_SVC, "SVC 5");
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_counts(0, 1, 1);
}

/* Nothing of it stays in force. */
static void taken_back(void **state)
{
    (void)state;
    rig_put(0x2000, SVC_5 SVC_5 END);
    catch (CATCH_SVC, 0, 0);
    assert_caught(rig_continue(), 1, RIG_SVC, "SVC 5");
    rig_catch(points, 0);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(kernel.nhw, 0);
    assert_counts(0, 1, 1);
}

static void without_instr0(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    kernel.hidden[0] = KVM_CAP_S390_USER_INSTR0;
    assert_true(rig_create());
    npoints = 0;
    catch (CATCH_EXIT, 0, 0);
    rig_put(0x2000, DIAG_999);
    assert_caught(rig_continue(), 1, 0x2004, "DIAG 0x999");
    catch (CATCH_SVC, 0, 0);
    assert_false(rig_resumes());
    rig_assert_says("KVM_CAP_S390_USER_INSTR0");
    rig_catch(points, 0);
}

/* ---- exits ---- */

static void carried_out_at_the_next_resume(void **state)
{
    (void)state;
    rig_put(0x2000, DIAG_999 END);
    catch (CATCH_DIAG, 1, 0x999);
    assert_caught(rig_continue(), 1, 0x2004, "catchpoint 1: DIAG 0x999, r2 ");
    assert_int_equal(rig_reg(R10), 0);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 1); /* the handler of the specification exception */
    rig_assert_old_program_psw(0x2004, "00040006");
}

static void carried_out_before_a_step(void **state)
{
    (void)state;
    rig_put(0x2000, DIAG_999 END);
    catch (CATCH_EXIT, 1, EXIT_DIAG);
    assert_caught(rig_step(), 1, 0x2004, "DIAG 0x999");
    rig_assert_stop(rig_step(), STOP_STEP, RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 0);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_PROGRAM + 4);
    assert_counts(0, 1, 1);
}

/* Where the order leads to is no step's business. */
static void a_step_that_only_carries_out(void **state)
{
    (void)state;
    rig_put(0x2000, SIGP_SET_ARCHITECTURE AGHI_10_1 END);
    rig_set_reg(REG_R0 + 1, 1);
    catch (CATCH_SIGP, 0, 0);
    assert_caught(rig_continue(), 1, 0x2004, "SIGP 0x12");
    assert_int_equal(psw_cc(rig_reg(REG_PSWM)), 0);
    rig_assert_stop(rig_step(), STOP_STEP, 0x2004);
    assert_int_equal(psw_cc(rig_reg(REG_PSWM)), 1);
    assert_int_equal(rig_reg(R10), 0);
    rig_assert_stop(rig_step(), STOP_STEP, 0x2008);
    assert_int_equal(rig_reg(R10), 1);
}

static void stands_before_the_diag(unsigned number)
{
    assert_caught(rig_continue(), number, 0x2004, "DIAG 0x999");
}

static void a_step_to_a_caught_interruption(void **state)
{
    (void)state;
    rig_put(0x2000, DIAG_999 END);
    catch (CATCH_DIAG, 0, 0);
    catch (CATCH_PROGRAM, 0, 0);
    stands_before_the_diag(1);
    assert_caught(rig_step(), 2, RIG_PROGRAM, "0x0006 (specification)");
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 1);
    assert_counts(1, 1, 1);
}

static void breakpoints_where_the_step_leads(void **state)
{
    static const struct {
        enum bp_kind kind;
        enum stop_reason reason;
    } of[] = {{BP_SOFTWARE, STOP_SW_BREAKPOINT}, {BP_HARDWARE, STOP_HW_BREAKPOINT}};

    (void)state;
    rig_put(0x2000, DIAG_999 DIAG_999 DIAG_999 DIAG_999 DIAG_999 DIAG_999 END);
    catch (CATCH_DIAG, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t pc = 0x2004 + 12 * i;

        rig_no_breakpoints();
        rig_breakpoint(of[i].kind, RIG_PROGRAM, 0);
        assert_caught(rig_continue(), 1, pc, "DIAG 0x999");
        rig_assert_stop(rig_step(), STOP_STEP, RIG_PROGRAM);
        rig_assert_stop(rig_continue(), of[i].reason, RIG_PROGRAM);
        assert_caught(rig_continue(), 1, pc + 4, "DIAG 0x999");
        rig_assert_stop(rig_range(0x2000, RIG_PROGRAM + 0x100), of[i].reason, RIG_PROGRAM);
        assert_caught(rig_continue(), 1, pc + 8, "DIAG 0x999");
        rig_assert_stop(rig_continue(), of[i].reason, RIG_PROGRAM);
    }
    assert_int_equal(rig_reg(R10), 5);
}

static void steps_in_a_range(void **state)
{
    (void)state;
    rig_put(0x2000, SIGP_SET_ARCHITECTURE AGHI_10_1 DIAG_999 AGHI_10_1 END);
    rig_set_reg(REG_R0 + 1, 1);
    catch (CATCH_EXIT, 0, 0);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    assert_caught(rig_range(0x2000, 0x2010), 1, 0x2004, "SIGP 0x12");
    rig_assert_stop(rig_range(0x2000, 0x2010), STOP_SW_BREAKPOINT, 0x2004);
    assert_caught(rig_range(0x2000, 0x2010), 1, 0x200c, "DIAG 0x999");
    assert_int_equal(rig_reg(R10), 1);
    rig_assert_stop(rig_range(0x2000, 0x2010), STOP_STEP, RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 1);
    rig_no_breakpoints();
    rig_set_reg(REG_PSWA, 0x2000);
    assert_caught(rig_continue(), 1, 0x2004, "SIGP 0x12");
    assert_caught(rig_range(0x2000, 0x2010), 1, 0x200c, "DIAG 0x999");
    assert_int_equal(rig_reg(R10), 2);
}

/* The program old PSW's address. */
static void what_it_stores_is_watched(void **state)
{
    (void)state;
    rig_put(0x2000, DIAG_999 DIAG_999 END);
    catch (CATCH_DIAG, 0, 0);
    rig_breakpoint(BP_WRITE, 0x158, 8);
    stands_before_the_diag(1);
    rig_assert_stop(rig_step(), STOP_WATCH, RIG_PROGRAM);
    assert_caught(rig_continue(), 1, 0x2008, "DIAG 0x999");
    rig_assert_stop(rig_continue(), STOP_WATCH, RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 1);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 2);
}

static void dropped_with_another_psw(void **state)
{
    (void)state;
    rig_put(0x2000, DIAG_999 NOPR END);
    catch (CATCH_DIAG, 0, 0);
    assert_caught(rig_continue(), 1, 0x2004, "DIAG 0x999");
    rig_set_reg(REG_PSWA, 0x2006);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 0);
}

static void dropped_by_a_reset(void **state)
{
    (void)state;
    rig_put(0x2000, DIAG_999 NOPR END);
    catch (CATCH_DIAG, 0, 0);
    assert_caught(rig_continue(), 1, 0x2004, "DIAG 0x999");
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    rig_put(0x2000, NOPR NOPR NOPR END);
    rig_put64(0x3000, RIG_64BIT | PSW_WAIT);
    rig_put64(0x3008, 0x3333);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_set_reg(REG_PSWA, 0x2004);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 0);
}

static void a_wait(void **state)
{
    (void)state;
    rig_put(0x2000, END);
    catch (CATCH_WAIT, 0, 0);
    assert_caught(rig_continue(), 1, 0x3333, "disabled wait");
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_caught(rig_continue(), 1, 0x3333, "disabled wait");
    assert_counts(0, 2, 2);
}

static void codes_of_exits(void **state)
{
    (void)state;
    rig_put(0x2000, DIAG_999 OPERATION END);
    rig_put64(NEW_PSW(0x158), 0x2000);
    catch (CATCH_SIGP, 0, 0);
    catch (CATCH_SERVICE_CALL, 0, 0);
    catch (CATCH_DIAG, 1, 0x308);
    catch (CATCH_EXIT, 1, EXIT_OPERATION);
    rig_put(0x2000, NOPR DIAG_999);
    rig_put64(NEW_PSW(0x158), 0x2100);
    rig_put(0x2100, END);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    for (unsigned i = 0; i < 4; i++)
        assert_counts(i, 0, 0);
}

int main(void)
{
#define RIG(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)
    static const struct CMUnitTest tests[] = {
        RIG(at_the_first_instruction),
        RIG(an_interruption_by_zgdbd),
        RIG(counted_and_with_a_breakpoint),
        RIG(a_handler_that_moves),
        RIG(per_is_left_to_the_user),
        RIG(classes_that_share_a_new_psw),
        RIG(a_new_psw_that_waits),
        RIG(a_step_into_a_handler),
        RIG(taken_back),
        cmocka_unit_test_teardown(without_instr0, rig_teardown),
        RIG(carried_out_at_the_next_resume),
        RIG(carried_out_before_a_step),
        RIG(a_step_that_only_carries_out),
        RIG(a_step_to_a_caught_interruption),
        RIG(breakpoints_where_the_step_leads),
        RIG(steps_in_a_range),
        RIG(what_it_stores_is_watched),
        RIG(dropped_with_another_psw),
        RIG(dropped_by_a_reset),
        RIG(a_wait),
        RIG(codes_of_exits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
