"""With what does one ask to be let in?

With the keys that are named (or, if none are, with those that OpenSSH would take), then with those
that the agent holds, then with a password; each is asked for once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import paramiko
from paramiko.auth_strategy import AuthSource, AuthStrategy, InMemoryPrivateKey, Password
from paramiko.config import SSHConfig

from harness.hosts.login import Login
from harness.hosts.trouble import NotLetIn

_USUAL: Final = ("id_ed25519", "id_ecdsa", "id_rsa")


class Asking(AuthStrategy):
    """All ways to ask, one after the other."""

    def __init__(self, login: Login) -> None:
        super().__init__(SSHConfig())
        self._login = login
        self.unusable: list[str] = []
        self._agent: paramiko.Agent | None = None

    def get_sources(self) -> Iterator[AuthSource]:
        login = self._login
        for path in login.keys or _usual():
            if (key := self._key(path)) is not None:
                yield InMemoryPrivateKey(login.user, key)
        if login.agent:
            self._agent = paramiko.Agent()
            for held in self._agent.get_keys():
                yield InMemoryPrivateKey(login.user, held)
        if (password := login.password) is not None:
            yield Password(login.user, password.reveal)

    def close(self) -> None:
        """Let go of the agent."""
        if self._agent is not None:
            self._agent.close()

    def refusal(self) -> NotLetIn:
        """The sentence for when nothing of this helped."""
        login = self._login
        tried = [str(path) for path in login.keys] or ["the keys in ~/.ssh"]
        tried += ["the agent's keys"] if login.agent else []
        tried += ["the password"] if login.password else []
        why = "; ".join([*self.unusable, ""])
        return NotLetIn(
            login.name,
            f"{why}does not let {login.user} in with {', '.join(tried)}: add the public key to "
            f"~{login.user}/.ssh/authorized_keys there, or name the right user or key",
        )

    def _key(self, path: str) -> paramiko.PKey | None:
        try:
            return paramiko.PKey.from_path(path)
        except (paramiko.PasswordRequiredException, TypeError):
            return self._opened(path)
        except OSError as problem:
            self.unusable.append(f"{path}: {problem.strerror}")
        except (paramiko.SSHException, ValueError):
            self.unusable.append(f"{path} is no private key that can be read")
        return None

    def _opened(self, path: str) -> paramiko.PKey | None:
        """One that is encrypted."""
        if (password := self._login.key_password) is None:
            self.unusable.append(
                f"{path} is encrypted: give it to the agent by ssh-add, or name the variable that "
                "holds its password (key_password_env)"
            )
            return None
        try:
            # Bytes, whatever paramiko says of itself: words do not open the keys of OpenSSH.
            return paramiko.PKey.from_path(path, password.reveal().encode())  # type: ignore[arg-type]
        except (paramiko.SSHException, ValueError, TypeError):
            self.unusable.append(f"{path} does not open with the password that is named for it")
            return None


def _usual() -> list[str]:
    paths = [Path("~/.ssh").expanduser() / name for name in _USUAL]
    return [str(path) for path in paths if path.exists()]
