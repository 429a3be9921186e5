"""Who is let in, what is refused, and what is never written down."""

from __future__ import annotations

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPResponse

from tests.server import identities
from tests.server.client import Client, RpcError
from tests.server.conftest import KEY, Connect, Serve
from tests.server.process import TOKEN, Server


async def fetch(server: Server, path: str, **headers: str) -> HTTPResponse:
    """A GET's response, whatever its status."""
    return await AsyncHTTPClient().fetch(f"{server.url}{path}", headers=headers, raise_error=False)


async def refused(server: Server, *, token: str | None = TOKEN, **headers: str) -> int:
    """The HTTP status with which an upgrade is refused."""
    with pytest.raises(HTTPClientError) as error:
        await Client.connect(
            server, token=token, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
    return int(error.value.code)


async def login_cookie(server: Server) -> str:
    """The cookie that a browser gets for the token."""
    response = await fetch(server, f"/api/status?token={TOKEN}")
    cookies = [cookie.split(";")[0] for cookie in response.headers.get_list("Set-Cookie")]
    return "; ".join(cookies)


@pytest.fixture(params=["default", "false"])
def guarded(request: pytest.FixtureRequest) -> Server:
    """A server that allows unauthenticated access elsewhere, as is the default, and one that allows it nowhere."""
    if request.param == "default":
        found: Server = request.getfixturevalue("server")
        return found
    serve: Serve = request.getfixturevalue("serve")
    return serve(environ={"JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS": request.param})


async def test_credentials(guarded: Server, connect: Connect) -> None:
    """Without the right token the socket is refused before the upgrade, and the pages are as well."""
    assert await refused(guarded, token=None) == 403
    assert await refused(guarded, token="wrong") == 403  # noqa: S106 - it is wrong on purpose
    for path in ("/whisperer/health", "/whisperer/openrpc.json", "/metrics"):
        for headers in ({}, {"Authorization": "token wrong"}):
            assert (await fetch(guarded, path, **headers)).code == 403
    assert (await fetch(guarded, "/whisperer/health", Authorization=f"token {TOKEN}")).code == 200
    assert await (await connect(guarded)).request("echo", message="in") == "in"


async def test_foreign_origin(guarded: Server, connect: Connect) -> None:
    """A page of another site that brings the browser's cookie is refused; from our own page it is let in."""
    cookie = await login_cookie(guarded)
    assert cookie
    assert await refused(guarded, token=None, Cookie=cookie, Origin="http://evil.example") == 403
    own = await connect(guarded, token=None, headers={"Cookie": cookie, "Origin": guarded.url})
    assert await own.request("echo", message="in") == "in"


async def test_authorizer(serve: Serve, connect: Connect) -> None:
    """Whom the server's authorizer denies gets nothing but 403, on the socket and on the pages."""
    server = serve(arguments=identities.ARGUMENTS)
    assert await refused(server, token=None, X_Test_User="mallory") == 403
    for path in ("/whisperer/health", "/whisperer/openrpc.json"):
        assert (await fetch(server, path, **{"X-Test-User": "mallory"})).code == 403
    ada = await connect(server, token=None, headers={"X-Test-User": "ada"})
    assert await ada.request("echo", message="in") == "in"


async def test_owners(serve: Serve, connect: Connect) -> None:
    """To every method somebody else's session is one that does not exist, answered in the very same words."""
    server = serve(arguments=identities.ARGUMENTS)
    ada, bob = [await connect(server, token=None, headers={"X-Test-User": name}) for name in ("ada", "bob")]
    await ada.start(notebook="shared.ipynb")
    await ada.ask("A secret")
    for method, params in (
        ("resumeSession", {"afterSeq": 0}),
        ("stopSession", {}),
        ("session.delete", {}),
        ("sendUserMessage", {"message": "Hello"}),
        ("session.cancel", {}),
        ("session.switch_agent", {"agent_id": "alice"}),
        ("session.current_agent", {}),
        ("session.handoff", {"to_agent": "alice"}),
        ("session.history", {}),
        ("session.clear", {}),
        ("session.set_model", {"model": "m"}),
    ):
        errors = []
        for session_id in (ada.session_id, "no such session"):
            with pytest.raises(RpcError) as error:
                await bob.request(method, sessionId=session_id, **params)
            errors.append((error.value.code, error.value.message, error.value.data))
        assert errors[0] == errors[1], method
        assert errors[0][0] == -32002
    assert (await bob.request("session.list"))["sessions"] == []
    assert (await bob.start(notebook="shared.ipynb"))["sessionId"] != ada.session_id
    assert not [event for event in bob.events if event["sessionId"] == ada.session_id]
    assert (await ada.ask("Still mine")).reason == "stop"


async def test_everybody_with_the_token_is_one_owner(client: Client, connect: Connect, server: Server) -> None:
    """On a server with a stock token its sessions belong to everybody who is let in, by token or by cookie."""
    await client.start()
    cookie = await login_cookie(server)
    other = await connect(token=None, headers={"Cookie": cookie, "Origin": server.url})
    assert (await other.resume(client.session_id, 0))["sessionId"] == client.session_id


async def test_oversize_frame(client: Client, connect: Connect) -> None:
    """A frame over ``limits.max_message_bytes`` closes the socket with 1009, and no other."""
    big = await connect()
    largest = '{"jsonrpc": "2.0", "method": "echo", "params": ["largest"], "id": 1}'.ljust(1 << 20)
    assert (await big.exchange(largest))["result"] == "largest"
    await big.write("x" * ((1 << 20) + 1))
    assert await big.closed() == 1009
    assert await client.request("echo", message="here") == "here"


async def test_binary_frame(connect: Connect) -> None:
    """A binary frame closes the socket with 1003."""
    client = await connect()
    await client.write(b'{"jsonrpc": "2.0", "method": "echo", "params": ["x"], "id": 1}')
    assert await client.closed() == 1003


async def test_server_stops(serve: Serve, connect: Connect) -> None:
    """A server that is stopped closes its sockets with 1001."""
    server = serve()
    client = await connect(server)
    await client.start()
    server.terminate()
    assert await client.closed() == 1001


async def test_too_many_connections(serve: Serve, connect: Connect) -> None:
    """Beyond ``limits.max_connections`` an upgrade is refused; a place that becomes free is given out again."""
    server = serve(LIMITS__MAX_CONNECTIONS="2")
    first, _second = await connect(server), await connect(server)
    assert await refused(server) == 503
    await first.close()
    third = await connect(server)
    assert await third.request("echo", message="in") == "in"


async def test_too_many_sessions(serve: Serve, connect: Connect) -> None:
    """Beyond ``limits.max_sessions`` a start is refused, by the limit's name, until a session is stopped."""
    client = await connect(serve(LIMITS__MAX_SESSIONS="2"))
    first = await client.start()
    await client.start()
    with pytest.raises(RpcError) as error:
        await client.start()
    assert (error.value.code, error.value.data["limit"]) == (-32004, "max_sessions")
    await client.request("stopSession", sessionId=first["sessionId"])
    assert (await client.start())["status"] == 1


async def test_nothing_secret_is_logged(serve: Serve, connect: Connect) -> None:
    """Neither the provider's key, nor the token, nor what was said stands in the server's log or in an error."""
    server = serve()
    client = await connect(server)
    said = "the-words-of-a-prompt"
    for model in ("fake-model", "fault-key-in-body", "fault-401", "fault-502-html", "fault-reset", "fault-garbage"):
        await client.start(model=model)
        answer = await client.ask(f"{said} {KEY}")
        assert KEY not in str(answer.error)
    await client.exchange(f'{{"{said}": ')
    await client.exchange({"jsonrpc": "2.0", "method": said, "id": 1})
    with pytest.raises(RpcError):
        await client.request("sendUserMessage", sessionId=said, message=said, context=said)
    with_token_in_url = await fetch(server, f"/whisperer/health?token={TOKEN}")
    assert with_token_in_url.code == 200
    server.terminate()
    for secret in (KEY, said, TOKEN):
        assert secret not in server.log
    assert "Traceback" not in server.log
