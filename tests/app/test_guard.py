"""Only the page itself reaches the server."""

import asyncio
from typing import Any

import pytest

from earwitness.app.guard import LOOPBACK, Guard


def answer(headers: dict[str, str], hosts: tuple[str, ...] = LOOPBACK) -> list[Any]:
    """What the guard sends for a request."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    asyncio.run(Guard(app, hosts)(scope, None, send))
    return sent


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "127.0.0.1"])
def test_the_page_is_answered_and_may_load_nothing_from_elsewhere(host: str) -> None:
    (start,) = answer({"host": host, "origin": f"http://{host}"})
    assert start["status"] == 200
    policy = dict(start["headers"])[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'self'")
    assert "http" not in policy
    assert (b"x", b"y") in start["headers"]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:7860"},
        {"host": "127.0.0.1.evil.example:7860"},
        {"host": "127.0.0.1:7860", "origin": "http://evil.example"},
        {"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:9999"},
        {"host": "127.0.0.1:7860", "origin": "null"},
        {},
    ],
)
def test_others_are_refused(headers: dict[str, str]) -> None:
    assert answer(headers)[0]["status"] == 403


def test_on_another_address_every_name_is_answered_but_no_other_site() -> None:
    assert answer({"host": "studio.lan:80", "origin": "http://studio.lan:80"}, ())[0]["status"] == 200
    assert answer({"host": "studio.lan:80", "origin": "http://evil.example"}, ())[0]["status"] == 403
