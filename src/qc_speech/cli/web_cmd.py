"""`qc-speech web`: the review app, and who may enter it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE
from qc_speech.errors import UsageError
from qc_speech.store_place import stored

if TYPE_CHECKING:
    from qc_speech.store import SqlStore
    from qc_speech.web.people import User, UserRole

app = typer.Typer(
    help="The review app: people read calls and decide on findings. Needs no engine and no GPU.",
    invoke_without_command=True,
    rich_markup_mode=None,
    epilog="Example: qc-speech web --out out, then open http://127.0.0.1:8300",
)
user_app = typer.Typer(
    help="Who may enter the review app.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(user_app, name="user")

_OUT_HELP = "Folder of `run`: its store (qc.sqlite) and the recordings that browsers play."
_FILE_HELP = "File whose first line is the password; - for standard input; default: asked for."
_LOCAL = ("127.0.0.1", "localhost", "::1")


@app.callback()
def web(
    context: typer.Context,
    store: Optional[str] = STORE,  # noqa: UP045
    out: Path = typer.Option(Path("out"), "--out", help=_OUT_HELP),
    host: str = typer.Option("127.0.0.1", "--host", help="Address to listen on."),
    port: int = typer.Option(8300, "--port", min=1, max=65535, help="Port to listen on."),
    proxy: str = typer.Option(
        "127.0.0.1", "--proxy", help="Addresses of reverse proxies whose headers are believed."
    ),
    plain_http: bool = typer.Option(
        False, "--plain-http", help="Cookies without TLS: to try it on this machine only."
    ),
) -> None:
    """Start the review app (behind a reverse proxy with TLS: docs/web.md)."""
    if context.invoked_subcommand is not None:
        return
    with clear_errors("path and port"):
        if plain_http and host not in _LOCAL:
            raise UsageError(
                f"--plain-http with --host {host}: passwords would cross the network in the clear; "
                "listen on 127.0.0.1 or put a reverse proxy with TLS in front (docs/web.md)"
            )
        _serve(str(stored(out, store)), out, host, port, proxy, secure=not plain_http)


def _serve(store: str, out: Path, host: str, port: int, proxy: str, *, secure: bool) -> None:
    with _needs_extra():
        import uvicorn

        from qc_speech.web.app import create_app
        from qc_speech.web.config import WebConfig
        from qc_speech.web.people import count_users
    app_ = create_app(WebConfig(store, out, secure_cookies=secure))
    if not count_users(app_.state.web.store):
        typer.echo("note: nobody may enter yet; make a user: qc-speech web user add NAME", err=True)
    typer.echo(f"review app: http://{host}:{port}", err=True)
    uvicorn.run(
        app_, host=host, port=port, log_level="warning", forwarded_allow_ips=proxy,
        server_header=False, date_header=True,
    )  # fmt: skip


@user_app.command(
    "add",
    epilog="Examples: qc-speech web user add wang --role inspector | "
    "qc-speech web user add li --role agent --agent-id 1023 --password-file - < file",
)
def add(
    name: str = typer.Argument(..., help="What the person types to enter."),
    role: str = typer.Option(
        ..., "--role", help="inspector, supervisor, trainer, agent or admin (docs/web.md)."
    ),
    shown: str = typer.Option("", "--shown", help="The name that others see; default: NAME."),
    agent_id: Optional[str] = typer.Option(  # noqa: UP045
        None, "--agent-id", help="Of an agent: whose calls; as in the manifest."
    ),
    teams: str = typer.Option("", "--teams", help="Teams whose calls count, by comma; else all."),
    password_file: Optional[str] = typer.Option(None, "--password-file", help=_FILE_HELP),  # noqa: UP045
    store: Optional[str] = STORE,  # noqa: UP045
    out: Path = typer.Option(Path("out"), "--out", help=_OUT_HELP),
) -> None:
    """Let somebody in. The password is asked for, or read from a file; never an argument."""
    with clear_errors("path and port"), _people(store, out) as opened:
        from qc_speech.web.people import NewUser, add_user

        names = tuple(team.strip() for team in teams.split(",") if team.strip())
        new = NewUser(name, _role(role), shown, agent_id, names)
        user = add_user(opened, new, _password(password_file))
        typer.echo(f"user {user.name}: added as {user.role.value}")


@user_app.command("list", epilog="Example: qc-speech web user list --out out")
def list_users(
    store: Optional[str] = STORE,  # noqa: UP045
    out: Path = typer.Option(Path("out"), "--out", help=_OUT_HELP),
) -> None:
    """Who may enter, and as what."""
    with clear_errors("path and port"), _people(store, out) as opened:
        from rich import box
        from rich.console import Console
        from rich.table import Table

        from qc_speech.web.people import all_users

        table = Table(box=box.SIMPLE_HEAD)
        for column in ("Name", "Role", "Agent", "Teams", ""):
            table.add_column(column)
        found = all_users(opened)
        for user in found:
            table.add_row(
                user.name, user.role.value, user.agent_id or "", ", ".join(user.teams) or "all",
                "disabled" if user.disabled else "",
            )  # fmt: skip
        Console().print(table if found else "no users", markup=False)


@user_app.command("passwd", epilog="Example: qc-speech web user passwd wang --out out")
def passwd(
    name: str = typer.Argument(..., help="The user."),
    password_file: Optional[str] = typer.Option(None, "--password-file", help=_FILE_HELP),  # noqa: UP045
    store: Optional[str] = STORE,  # noqa: UP045
    out: Path = typer.Option(Path("out"), "--out", help=_OUT_HELP),
) -> None:
    """Set a new password; all sessions of that user end."""
    with clear_errors("path and port"), _people(store, out) as opened:
        from qc_speech.web.people import set_password

        set_password(opened, _user(opened, name), _password(password_file))
        typer.echo(f"user {name}: password set")


@user_app.command("disable", epilog="Example: qc-speech web user disable wang --out out")
def disable(
    name: str = typer.Argument(..., help="The user."),
    undo: bool = typer.Option(False, "--undo", help="Let the user in again."),
    store: Optional[str] = STORE,  # noqa: UP045
    out: Path = typer.Option(Path("out"), "--out", help=_OUT_HELP),
) -> None:
    """Keep somebody out from now on; sessions and tokens end."""
    with clear_errors("path and port"), _people(store, out) as opened:
        from qc_speech.web.people import set_disabled

        set_disabled(opened, _user(opened, name), not undo)
        typer.echo(f"user {name}: {'may enter again' if undo else 'is kept out'}")


@contextmanager
def _people(store: str | None, out: Path) -> Iterator[SqlStore]:
    from qc_speech.store import open_store

    with open_store(str(stored(out, store)), create=False) as opened, _needs_extra():
        yield opened


def _user(store: SqlStore, name: str) -> User:
    from qc_speech.web.people import find_user

    user = find_user(store, name)
    if user is None:
        raise UsageError(f"user {name}: not known; see: qc-speech web user list")
    return user


def _role(name: str) -> UserRole:
    from qc_speech.web.people import UserRole

    try:
        return UserRole(name)
    except ValueError:
        known = ", ".join(role.value for role in UserRole)
        raise UsageError(f"--role {name}: not known; one of {known}") from None


def _password(source: str | None) -> str:
    if source is None:
        return str(typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True))
    if source == "-":
        return sys.stdin.readline().rstrip("\r\n")
    try:
        lines = Path(source).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise UsageError(f"--password-file {source}: is no UTF-8 text") from None
    return lines[0] if lines else ""


@contextmanager
def _needs_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn", "argon2", "multipart", "python_multipart"):
            raise
        raise UsageError(
            f"the review app needs {error.name}, which is not installed: "
            "pip install 'qc-speech[web]'"
        ) from None
