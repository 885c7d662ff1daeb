"""The viewer: a store as pages on 127.0.0.1, for one person and their browser.

`server` listens, `guarding` decides who may ask, `source` reads the store and keeps what is dear to
make, `addresses` is the one place where questions become addresses and back, `pages/` makes one
page each from a source and a query.
"""
