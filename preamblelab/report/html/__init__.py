"""Pages: components from records to escaped HTML, and the one-file report made of them.

Components that other pages may use:

    from preamblelab.report.html.drill import answer_view, pair_view   # one trial, one pair
    from preamblelab.report.html.tables import grid_table, table       # tables of texts
    from preamblelab.report.html.page import page                      # whole page with its style

All give `Markup`. Whatever goes in as `str` is escaped, its control characters and direction marks
made visible; nothing needs JavaScript.
"""
