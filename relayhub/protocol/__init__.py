"""Pure protocol library: bytes, values, a time and a resolver come in; values come out.

Nothing in here imports Django, reads settings, opens a socket or looks at a clock, so
every module can be driven byte by byte in a test and used by any process.
"""
