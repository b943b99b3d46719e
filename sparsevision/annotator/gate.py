"""Who may talk to the server: the person at this machine, through the page that it serves, and nobody else."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PLAIN_PATH = re.compile(r"/[A-Za-z0-9_./-]*")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Checks of every request.

    Args:
        port: that the server listens on.
        token: secret of this start, in the address that the terminal prints and in a cookie from then on.
    """

    port: int
    token: str

    @property
    def cookie_name(self) -> str:
        """Of this port alone: cookies of one host are shared by all its ports."""
        return f"annotator_{self.port}"

    @property
    def cookie(self) -> str:
        """The Set-Cookie header."""
        return f"{self.cookie_name}={self.token}; Path=/; HttpOnly; SameSite=Strict"

    def knows_token(self, token: str) -> bool:
        """Compares in constant time."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """(status, sentence) when a request must not be answered, before the token is looked at; None when it may.

        A foreign Host means that another site's name was pointed at this machine (DNS rebinding), a foreign Origin
        that another site's page sends the request.
        """
        hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        host = headers.get("Host", "")
        if host not in hosts:
            return 403, "this server answers to 127.0.0.1 and localhost only."
        origin = headers.get("Origin")
        if origin != f"http://{host}" and (method == "POST" or origin is not None):
            return 403, "requests from other sites are refused."
        if not PLAIN_PATH.fullmatch(path) or ".." in path:
            return 404, "there is nothing here."
        return None

    def has_cookie(self, headers: Mapping[str, str]) -> bool:
        """True when the request carries this start's token."""
        try:
            morsel = SimpleCookie(headers.get("Cookie", "")).get(self.cookie_name)
        except CookieError:
            return False
        return morsel is not None and self.knows_token(morsel.value)
