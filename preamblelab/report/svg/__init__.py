"""Pictures: pure functions from small tables to static SVG, with words for who cannot see them.

Every function takes a `width` in pixels, lays itself out for it (below 600 it stacks what stands
side by side above), and gives one `<svg role="img">` with `<title>` and `<desc>`. Colours come from
the classes in `drawing.STYLE`, which follow light and dark by themselves; `standalone` puts them
into the picture, for a file of its own.

    from preamblelab.report.svg.dumbbell import Row, dumbbell
    from preamblelab.report.svg.drawing import standalone

    picture = dumbbell([Row(...), ...], band=(10.4, 24.2), name="effects", width=920)   # Markup
    Path("effects.svg").write_text(standalone(picture))
"""
