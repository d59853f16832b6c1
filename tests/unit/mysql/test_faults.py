"""Which of our errors a server's or the driver's becomes: what may be tried again is decided here."""

import pymysql
import pytest
from pymysql import err

from fsm_ghost.errors import ConnectionLostError, FsmGhostError, LockConflictError, RefusedError, ServerError
from fsm_ghost.mysql.faults import translated

LOST = [0, 1040, 1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1317, 1927, 1969, 2002, 2003, 2006]
LOST += [2013, 2014, 2055, 3024]


def ours(error: Exception) -> FsmGhostError:
    with pytest.raises(FsmGhostError) as raised, translated("copying"):
        raise error
    assert raised.value.__cause__ is error
    return raised.value


@pytest.mark.parametrize("code", LOST)
def test_a_lost_connection_or_statement_is_resumable(code: int) -> None:
    found = ours(err.OperationalError(code, "gone"))
    assert type(found) is ConnectionLostError
    assert (found.message, found.resumable) == (f"copying: gone ({code})", True)


@pytest.mark.parametrize("code", [1205, 1213, 3572, 1020, 1614])
def test_a_lock_conflict_may_be_tried_again(code: int) -> None:
    assert type(ours(err.OperationalError(code, "lock"))) is LockConflictError
    assert type(ours(err.InternalError(code, "lock"))) is LockConflictError


@pytest.mark.parametrize("code", [1044, 1045, 1698])
def test_an_account_that_may_not_enter_is_refused_with_a_remedy(code: int) -> None:
    found = ours(err.OperationalError(code, "Access denied"))
    assert type(found) is RefusedError
    assert "password" in found.remedy


@pytest.mark.parametrize("code", [1048, 1062, 1064, 1142, 1146, 1192, 1264, 1292, 1366, 1406, 1451, 3819, 4025])
def test_every_other_refusal_keeps_its_number(code: int) -> None:
    found = ours(err.DataError(code, "no"))
    assert type(found) is ServerError
    assert (found.code, found.message, found.resumable) == (code, f"copying: no ({code})", False)


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), TimeoutError("slow"), EOFError(), OSError(9, "bad")])
def test_an_error_of_the_network_is_a_lost_connection(error: Exception) -> None:
    assert type(ours(error)) is ConnectionLostError


@pytest.mark.parametrize(
    "error", [err.InterfaceError(0, ""), err.InterfaceError("(0, '')"), pymysql.err.InterfaceError()]
)
def test_a_closed_connection_of_the_driver_is_a_lost_connection(error: Exception) -> None:
    found = ours(error)
    assert type(found) is ConnectionLostError
    assert found.message.startswith("copying: ")


def test_an_error_without_a_number_is_not_lost() -> None:
    found = ours(err.ProgrammingError("strange"))
    assert type(found) is ServerError
    assert "strange" in found.message


def test_a_bug_of_our_own_is_left_alone() -> None:
    with pytest.raises(KeyError), translated("copying"):
        raise KeyError("no")


def test_our_own_errors_pass_through() -> None:
    own = LockConflictError("inner")
    with pytest.raises(LockConflictError) as raised, translated("outer"):
        raise own
    assert raised.value is own


def test_a_connection_that_the_server_ended_for_idling_is_lost() -> None:
    assert type(ours(err.OperationalError(4031, "disconnected because of inactivity"))) is ConnectionLostError


def test_a_connection_that_is_out_of_step_is_lost() -> None:
    assert type(ours(err.InternalError("Packet sequence number wrong - got 1 expected 2"))) is ConnectionLostError


@pytest.mark.parametrize("code", [1290, 1836])
def test_a_server_that_became_read_only_ends_the_run_resumably(code: int) -> None:
    assert ours(err.OperationalError(code, "running with the --read-only option")).resumable
