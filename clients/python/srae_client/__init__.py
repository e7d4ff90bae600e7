"""Protect photos and restore them: the client library, and the command ``srae``.

    from srae_client.client import Client

    async with Client("localhost:8443") as client:
        protected = await client.protect(photo_bytes)

Nothing is imported here, so that ``srae --help`` does not wait for gRPC.
"""
