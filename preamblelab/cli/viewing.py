"""The command that shows a store in the browser: view."""

from typing import TYPE_CHECKING, Annotated

import typer

from preamblelab.cli.root import DEFAULT, StoreOption, app

if TYPE_CHECKING:
    from preamblelab.viewer.guarding import Guard


@app.command()
def view(
    store: StoreOption = DEFAULT,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen on 127.0.0.1; 0: any free.")
    ] = 0,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the address, open no browser.")
    ] = False,
) -> None:
    """Show experiments, trials and answers in the browser; reads only, also while a run writes."""
    from preamblelab.viewer.server import serve

    def ready(guard: "Guard") -> None:
        import webbrowser

        typer.echo(guard.address)
        typer.echo("Ctrl-C ends it", err=True)
        if not no_open:
            webbrowser.open(guard.address_once)

    serve(store, port, ready)
