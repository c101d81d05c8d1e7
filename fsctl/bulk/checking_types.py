"""Rows that are good at first sight, as types that msgspec checks while it reads.

Narrower than the rules where types cannot say them: what does not fit may still be good.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ..fullstory.limits import (
    DISPLAY_NAME_MAX,
    EMAIL_MAX,
    EVENT_NAME_MAX,
    PROPERTY_TYPES,
    SESSION_UID_MAX,
    UID_MAX,
    USER_PROPERTIES_MAX,
)
from ..fullstory.properties import DAY, OFFSET, SECONDS

_Int = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]  # a double holds these exactly
_Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Scalar = str | bool | _Int | float | None
_Value = str | bool | _Int | float | list[_Scalar] | None
_Object = dict[str, _Value]
_Object2 = dict[str, _Value | _Object]
_Object3 = dict[str, _Value | _Object2]
_Many = msgspec.Meta(max_length=USER_PROPERTIES_MAX)
NESTED = 3  # levels of objects that the nested types know

_Uid = Annotated[str, msgspec.Meta(min_length=1, max_length=UID_MAX)]
_SessionUid = Annotated[str, msgspec.Meta(min_length=1, max_length=SESSION_UID_MAX)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=DISPLAY_NAME_MAX)]
_Email = Annotated[str, msgspec.Meta(min_length=1, max_length=EMAIL_MAX)]
_EventName = Annotated[str, msgspec.Meta(min_length=1, max_length=EVENT_NAME_MAX)]
_Time = Annotated[str, msgspec.Meta(pattern=rf"^{DAY}[Tt ]{SECONDS}{OFFSET}\Z")]
_Address = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f\x7f]+\Z")]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object without other members than these; a null is not given."""


class Schema(_Strict):
    properties: dict[str, Literal[PROPERTY_TYPES]] = {}  # type: ignore[valid-type]


class _AnyUser(_Strict):
    id: str = ""
    uid: _Uid | None = None
    display_name: _Name | None = None
    email: _Email | None = None
    schema: Schema | None = None


class UserRow(_AnyUser):
    properties: Annotated[_Object, _Many] | None = None


class NestedUserRow(_AnyUser):
    properties: Annotated[_Object3, _Many] | None = None


class _User(_Strict):
    id: _Uid | None = None
    uid: _Uid | None = None


class _Session(_Strict):
    id: _Uid | None = None
    uid: _SessionUid | None = None
    use_most_recent: bool | None = None


class _Browser(_Strict):
    url: _Address | None = None
    user_agent: str | None = None
    initial_referrer: _Address | None = None


class _Mobile(_Strict):
    app_id: str | None = None
    app_version: str | None = None
    app_name: str | None = None
    build_variant: str | None = None


class _Device(_Strict):
    manufacturer: str | None = None
    model: str | None = None
    screen_width: _Int32 | None = None
    screen_height: _Int32 | None = None
    viewport_width: _Int32 | None = None
    viewport_height: _Int32 | None = None


class _Location(_Strict):
    country: str | None = None
    region: str | None = None
    city: str | None = None
    ip_address: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class _Context(_Strict):
    browser: _Browser | msgspec.UnsetType = msgspec.UNSET
    mobile: _Mobile | msgspec.UnsetType = msgspec.UNSET
    device: _Device | msgspec.UnsetType = msgspec.UNSET
    location: _Location | msgspec.UnsetType = msgspec.UNSET


class _AnyEvent(_Strict):
    name: _EventName
    timestamp: _Time | None = None
    user: _User | None = None
    session: _Session | None = None
    schema: Schema | None = None
    context: _Context | None = None

    @property
    def has_one_owner(self) -> bool:
        """Whether at most one way names whose it is (contracts/fullstory-api §2.3)."""
        user, session = self.user, self.session
        by_user = 0 if user is None else (user.id is not None) + (user.uid is not None)
        if session is None:
            return by_user <= 1
        by_session = (session.id is not None) + (session.uid is not None)
        if session.use_most_recent:
            return by_user == 1 and not by_session
        return by_user + by_session <= 1


class EventRow(_AnyEvent):
    properties: Annotated[_Object, _Many] | None = None


class NestedEventRow(_AnyEvent):
    properties: Annotated[_Object3, _Many] | None = None
