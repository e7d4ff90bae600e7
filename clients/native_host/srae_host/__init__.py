"""The native-messaging host ``srae-host``: the browser extension's way to the services. See PROTOCOL.md.

Nothing is imported here, since the host answers ``hello`` before anything heavy is loaded.
"""
