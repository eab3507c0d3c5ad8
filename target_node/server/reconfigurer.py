"""May the ensemble change as a client asks?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_node.protocol.membership import Passage, changed
from target_node.server.role import Place
from target_node.state.refusal import Refused
from target_node.wire.codes import ANY_VERSION, ErrorCode
from target_node.wire.requests import ReconfigRequest

if TYPE_CHECKING:
    from target_node.server.leading import Leading


class Reconfigurer:
    """What an established leader says to it; the order of the refusals is ZooKeeper's."""

    def __init__(self, leading: Leading, place: Place) -> None:
        self._leading = leading
        self._place = place

    @property
    def enabled(self) -> bool:
        """As it was configured."""
        return self._place.turn.settings.reconfigurable

    def new_members(self, zxid: int, request: ReconfigRequest) -> bytes:
        """The text of the new membership."""
        settings, current = self._place.turn.settings, self._leading.members
        if settings.alone:
            raise Refused(ErrorCode.UNIMPLEMENTED)
        if isinstance(current, Passage):
            raise Refused(ErrorCode.RECONFIG_IN_PROGRESS)
        if request.config_id not in (ANY_VERSION, current.version):
            raise Refused(ErrorCode.BAD_VERSION)
        try:
            members = changed(current, request.joining, request.leaving, request.new_members, zxid)
        except ValueError:
            raise Refused(ErrorCode.BAD_ARGUMENTS) from None
        if len(members.voters) < 2:
            raise Refused(ErrorCode.BAD_ARGUMENTS)
        # Else it might be committed by nobody, for ever.
        if not members.is_quorum(self._leading.in_step):
            raise Refused(ErrorCode.NEW_CONFIG_NO_QUORUM)
        return str(members).encode()
