"""What asking the monitor makes of Lambda's answers."""

from __future__ import annotations

import io
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from coinquery.errors import MonitorFailed
from coinquery.monitor.invoke import Busy, Summary, ask

DONE = b'{"sweep":"s1","instances":3,"healthy":2,"unreached":0,"seconds":1.5}'


@pytest.fixture
def functions() -> Any:
    return boto3.client("lambda", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")


def answering(functions: Any, payload: bytes, error: str | None = None) -> Stubber:
    stubbed = Stubber(functions)
    answer: dict[str, Any] = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(payload), len(payload))}
    stubbed.add_response("invoke", {**answer, "FunctionError": error} if error else answer)
    return stubbed


def test_a_sweep_that_ended_is_summed_up(functions: Any) -> None:
    with answering(functions, DONE):
        assert ask(functions) == Summary(sweep="s1", instances=3, healthy=2, unreached=0, seconds=1.5)


def test_a_sweep_under_way_is_busy_and_no_error(functions: Any) -> None:
    stubbed = Stubber(functions)
    stubbed.add_client_error("invoke", "TooManyRequestsException", "Rate Exceeded", 429)
    with stubbed:
        assert ask(functions) == Busy()


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"[]", b'{"sweep":"s1"}', b"<html>", b'{"errorMessage":"out of memory"}']
)
def test_i12_an_answer_that_is_no_summary_is_a_failure(functions: Any, payload: bytes) -> None:
    with answering(functions, payload), pytest.raises(MonitorFailed, match="the monitor failed"):
        ask(functions)


def test_i12_a_function_that_failed_is_a_failure_whatever_it_says(functions: Any) -> None:
    with answering(functions, DONE, "Unhandled"), pytest.raises(MonitorFailed) as failed:
        ask(functions)
    assert "/aws/lambda/coinquery-monitor" in failed.value.remedy
