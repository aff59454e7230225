"""What the monitor needs of AWS, below boto3: prepared pages over HTTP, and a count of what was asked.

``python -m benchmarks.monitor_aws PORT INSTANCES SILENT_EVERY`` serves one region that has stood for a month. ``GET
/asked`` tells the calls by operation, the lines written and their bytes since the last such question. Whatever else is
asked is refused as AWS refuses, and told as ``unexpected``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from benchmarks import monitor_pages as pages
from benchmarks.monitor_fleet import is_silent
from coinquery.stacks import template

#: Lines of the monitor's own stream that are kept; as many are there from earlier sweeps, which say nothing.
STREAM_KEEPS = 50
OWN_STREAMS = ("sweeps", "stacks")


class Refused(Exception):
    """An error as AWS answers it: status, code, message."""


class Region:
    """One region's AWS. Answers are prepared before anybody asks."""

    def __init__(self, instances: int, silent_every: int) -> None:
        names = [f"cq-eth-{n + 1:04}-prod" for n in range(-(-instances // pages.IN_STACK))]
        self._instances = pages.instance_pages(
            [pages.reservation(n, names[n // pages.IN_STACK], is_silent(n, silent_every)) for n in range(instances)]
        )
        self._stacks = pages.stack_pages([pages.stack(name) for name in names])
        self._policy = pages.query("GetStackPolicy", {"StackPolicyBody": template.text(template.STACK_POLICY)})
        self._streams: dict[str, list[str]] = {name: [] for name in (*OWN_STREAMS, *names)}
        self._events: dict[str, list[dict[str, Any]]] = {"sweeps": [{"message": "{}"}] * STREAM_KEEPS}
        self.begin()

    def begin(self) -> None:
        """Count anew."""
        self.asked: Counter[str] = Counter()
        self.unexpected: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request of an AWS client."""
        body = await request.read()
        target = request.headers.get("X-Amz-Target", "")
        try:
            if target:
                return _json(200, self._call(target.rpartition(".")[2], json.loads(body)))
            form = await request.post()
            named = {key: str(value) for key, value in form.items()}
            return web.Response(body=self._page(named.get("Action", f"{request.method} {request.path}"), named))
        except Refused as refused:
            status, code, message = refused.args
            if target:
                return _json(status, {"__type": code, "message": message})
            error = {"Error": {"Type": "Sender", "Code": code, "Message": message}, "RequestId": "1"}
            return web.Response(status=status, text="\n".join(pages.xml("ErrorResponse", error)))

    async def tell(self, _: web.Request) -> web.Response:
        """What was asked and written since the last question, and how many pages the lists have."""
        kinds = {stream: stream if stream in OWN_STREAMS else "records" for stream in self._streams}
        lines: Counter[str] = Counter()
        size: Counter[str] = Counter()
        for stream, kind in kinds.items():
            lines[kind] += self.lines[stream]
            size[kind] += self.bytes[stream]
        told = {
            "asked": self.asked,
            "unexpected": self.unexpected,
            "lines": lines,
            "bytes": size,
            "pages": {"DescribeInstances": len(self._instances), "DescribeStacks": len(self._stacks)},
            "stacks": len(self._streams) - 2,
        }
        answer = _json(200, told)
        self.begin()
        return answer

    def _page(self, action: str, form: dict[str, str]) -> bytes:
        self.asked[action] += 1
        number = int(form.get("NextToken") or 0)
        if action == "DescribeInstances":
            return self._instances[number]
        if action == "DescribeStacks" and "StackName" not in form:
            return self._stacks[number]
        if action == "GetStackPolicy":
            return self._policy
        self.unexpected[action] += 1
        raise Refused(403, "AccessDenied", f"not authorized to perform: {action}")

    def _call(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked[action] += 1
        calls: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "PutLogEvents": self._put_log_events,
            "GetLogEvents": self._get_log_events,
            "GetParametersByPath": lambda _: {"Parameters": []},
            "GetParameter": self._get_parameter,
        }
        if action in calls:
            return calls[action](asked)
        self.unexpected[action] += 1
        raise Refused(400, "AccessDeniedException", f"not authorized to perform: {action}")

    def _put_log_events(self, asked: dict[str, Any]) -> dict[str, Any]:
        stream, events = self._stream(asked), asked["logEvents"]
        self.lines[stream] += len(events)
        self.bytes[stream] += sum(len(event["message"].encode()) for event in events)
        if stream == "sweeps":
            self._events[stream] = (self._events[stream] + events)[-STREAM_KEEPS:]
        return {"nextSequenceToken": "1"}

    def _get_log_events(self, asked: dict[str, Any]) -> dict[str, Any]:
        events = self._events.get(self._stream(asked), []) if "nextToken" not in asked else []
        return {"events": events[-asked["limit"] :], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"}

    def _stream(self, asked: dict[str, Any]) -> str:
        if asked["logStreamName"] not in self._streams:
            raise Refused(400, "ResourceNotFoundException", "The specified log stream does not exist.")
        return str(asked["logStreamName"])

    def _get_parameter(self, asked: dict[str, Any]) -> dict[str, Any]:
        raise Refused(400, "ParameterNotFound", asked["Name"])


def _json(status: int, document: Any) -> web.Response:
    return web.Response(status=status, body=json.dumps(document), content_type="application/x-amz-json-1.1")


def main(port: int, instances: int, silent_every: int) -> None:
    """Serve one region until ended."""
    region = Region(instances, silent_every)
    served = web.Application(client_max_size=2**21)
    served.router.add_get("/asked", region.tell)
    served.router.add_route("*", "/{path:.*}", region.handle)
    web.run_app(served, host="127.0.0.1", port=port, print=lambda *_: None, access_log=None)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
