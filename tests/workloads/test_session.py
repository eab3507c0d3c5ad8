"""Does every error of the protocol mean something, and nothing too much?"""

from __future__ import annotations

import pytest

from target_node.wire.codes import ErrorCode
from workloads.session import ERRORS, InDoubt, Meaning, NotDone, Refusal, complaint


def test_every_error_code_is_in_the_table_under_its_own_name() -> None:
    codes = {code.value: code.name.lower().replace("_", "-") for code in ErrorCode if code}
    assert {number: name for number, (name, _) in ERRORS.items()} == codes


@pytest.mark.parametrize("code", [code for code in ErrorCode if code])
def test_each_becomes_the_exception_of_its_meaning(code: ErrorCode) -> None:
    kinds = {
        Meaning.DECIDED: Refusal,
        Meaning.NO_EFFECT: NotDone,
        Meaning.IN_DOUBT: InDoubt,
    }
    assert type(complaint(code, 7)) is kinds[ERRORS[code][1]]


def test_an_error_nobody_knows_leaves_it_in_doubt() -> None:
    problem = complaint(-999)
    assert isinstance(problem, InDoubt)
    assert problem.reason == "error -999"


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.CONNECTION_LOSS,
        ErrorCode.OPERATION_TIMEOUT,
        ErrorCode.REQUEST_TIMEOUT,
        ErrorCode.SESSION_EXPIRED,
        ErrorCode.SYSTEM_ERROR,
        # Apache's server answers so to any exception, also behind a change it has made.
        ErrorCode.MARSHALLING_ERROR,
    ],
)
def test_what_may_have_happened_is_never_claimed_not_to_have(code: ErrorCode) -> None:
    assert ERRORS[code][1] is Meaning.IN_DOUBT
