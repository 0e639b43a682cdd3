"""TLS contexts: made when first needed, one per process for each way of verifying (24 ms and 0.8 MB apiece)."""

from __future__ import annotations

import os
import ssl
import threading

from modelmux._engines import Options
from modelmux.errors import ConfigError

_contexts: dict[object, ssl.SSLContext] = {}
_lock = threading.Lock()


def context_for(options: Options) -> ssl.SSLContext:
    """Raises ``ConfigError`` for certificate files that cannot be loaded."""
    verify = options.verify
    if isinstance(verify, ssl.SSLContext) and options.cert is None:
        return verify
    env = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")) if options.trust_env else (None, None)
    key = (verify, options.cert, env)
    context = _contexts.get(key)
    if context is None:
        with _lock:
            context = _contexts.get(key)
            if context is None:
                try:
                    context = _contexts[key] = _make(verify, options.cert, env)
                except OSError as error:
                    # SSLError is an OSError too: a missing file and a broken one read alike.
                    raise ConfigError(f"TLS certificates cannot be loaded: {error}", field="verify") from error
    return context


def _make(
    verify: bool | str | ssl.SSLContext, cert: str | tuple[str, ...] | None, env: tuple[str | None, str | None]
) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        context = verify
    elif verify is False:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif isinstance(verify, str):
        context = _trusting(verify, None) if os.path.isfile(verify) else _trusting(None, verify)
    elif any(env):
        context = _trusting(env[0], None) if env[0] else _trusting(None, env[1])
    else:
        import certifi

        context = _trusting(certifi.where(), None)
    if not isinstance(verify, ssl.SSLContext):
        context.set_alpn_protocols(["http/1.1"])
    if cert is not None:
        context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    return context


def _trusting(file: str | None, folder: str | None) -> ssl.SSLContext:
    if folder is not None and not os.path.isdir(folder):
        raise FileNotFoundError(f"no such CA file or directory: {folder}")
    return ssl.create_default_context(cafile=file, capath=folder)


def _after_fork() -> None:
    # Another thread of the parent may have held it.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
