"""Layer: consumers. OAuth tokens by client credentials: asked for once, and again shortly before they end."""

import json
import threading
import time
import urllib.request
from base64 import b64encode
from urllib.parse import urlencode

from consumers.kafka.settings import KafkaSettings

_KEPT = 0.8  # Of a token's life.
_LIFE_S = 60.0  # Of a token that does not tell.


class Tokens:
    """Tokens of one client. Safe to use from several threads."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Ask where the settings say."""
        self._settings = settings
        self._token, self._ends_at = "", 0.0
        self._lock = threading.Lock()

    def token(self) -> str:
        """Give a token that is valid. Raises OSError, or ValueError where the answer holds none."""
        with self._lock:
            if time.monotonic() >= self._ends_at:
                self._fetch()
            return self._token

    def _fetch(self) -> None:
        settings = self._settings
        form = {"grant_type": "client_credentials"}
        if settings.token_scope:
            form["scope"] = settings.token_scope
        secret = b64encode(f"{settings.token_client_id}:{settings.token_client_secret}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310  the operator's own URL
            str(settings.token_url), urlencode(form).encode(), {"Authorization": f"Basic {secret}"}
        )
        with urllib.request.urlopen(request, timeout=settings.deadline_s) as answer:  # noqa: S310
            told = json.loads(answer.read())
        if not isinstance(told, dict) or not isinstance(told.get("access_token"), str):
            msg = "the token endpoint answered without an access_token"
            raise ValueError(msg)  # noqa: TRY004  what came is wrong, not its type here
        self._token = told["access_token"]
        self._ends_at = time.monotonic() + _KEPT * float(told.get("expires_in", _LIFE_S))
