"""All commands of `qc-speech`."""

from __future__ import annotations

import os

import typer

from qc_speech.cli import (
    audit_cmd,
    batch_cmd,
    clips_library_cmd,
    doctor_cmd,
    eval_cmd,
    export_cmd,
    models_cmd,
    notify_cmd,
    purge_cmd,
    report_cmd,
    rules_cmd,
    run_cmd,
    score_cmd,
    store_cmd,
    voices_cmd,
    web_cmd,
)

_SHARED = ("models", "rules", "doctor")  # write nothing of a call, but files others may read

app = typer.Typer(
    name="qc-speech",
    help="Inspect Mandarin service calls: recordings in, fair QA scorecards out.\n\n"
    "Exit codes: 0 all done, 1 some recordings failed, 2 wrong usage, 130 stopped by Ctrl-C.",
    epilog="Start with: qc-speech models fetch && qc-speech run examples/calls --out out",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("run", epilog=run_cmd.EPILOG)(run_cmd.run)
app.command("batch", epilog=batch_cmd.EPILOG)(batch_cmd.batch)
app.command("score", epilog=score_cmd.EPILOG)(score_cmd.score)
app.command("eval")(eval_cmd.evaluate_cmd)
app.command("report", epilog=report_cmd.EPILOG)(report_cmd.report)
app.command("export")(export_cmd.export_cmd)
app.add_typer(models_cmd.app, name="models")
app.add_typer(rules_cmd.app, name="rules")
app.add_typer(voices_cmd.app, name="voices")
app.add_typer(store_cmd.app, name="store")
app.command("notify", epilog=notify_cmd.EPILOG)(notify_cmd.notify)
app.command("purge", epilog=purge_cmd.EPILOG)(purge_cmd.purge)
app.command("reveal")(purge_cmd.reveal)
app.command("audit", epilog=audit_cmd.EPILOG)(audit_cmd.audit_cmd)
app.add_typer(audit_cmd.key_app, name="key")
app.add_typer(web_cmd.app, name="web")
app.add_typer(clips_library_cmd.app, name="clips")
app.command("doctor", epilog=doctor_cmd.EPILOG)(doctor_cmd.doctor)


@app.callback(invoke_without_command=True)
def _top(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        from qc_speech import __version__

        typer.echo(__version__)
        raise typer.Exit
    if ctx.invoked_subcommand not in _SHARED:
        os.umask(0o077)  # what is written may hold what was said: for its owner alone
