from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Batch(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    def __init__(self, frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("hello", "subscribe", "unsubscribe", "publish", "push", "bind", "unbind", "clear", "pull", "withdraw", "taken", "handled", "bye", "resumed", "follow", "present", "absent", "watch", "appends", "welcome", "refused", "settled", "delivery", "item", "withdrawn", "peers", "unbound", "cleared", "resume", "unknown", "log", "sequenced", "roll", "deliveries")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    PUSH_FIELD_NUMBER: _ClassVar[int]
    BIND_FIELD_NUMBER: _ClassVar[int]
    UNBIND_FIELD_NUMBER: _ClassVar[int]
    CLEAR_FIELD_NUMBER: _ClassVar[int]
    PULL_FIELD_NUMBER: _ClassVar[int]
    WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    HANDLED_FIELD_NUMBER: _ClassVar[int]
    BYE_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    APPENDS_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    UNBOUND_FIELD_NUMBER: _ClassVar[int]
    CLEARED_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    SEQUENCED_FIELD_NUMBER: _ClassVar[int]
    ROLL_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    subscribe: Subscribe
    unsubscribe: Unsubscribe
    publish: Publish
    push: Push
    bind: Bind
    unbind: Unbind
    clear: Clear
    pull: Pull
    withdraw: Withdraw
    taken: Taken
    handled: Handled
    bye: Bye
    resumed: Resumed
    follow: Follow
    present: Present
    absent: Absent
    watch: Watch
    appends: Appends
    welcome: Welcome
    refused: Refused
    settled: Settled
    delivery: Delivery
    item: Item
    withdrawn: Withdrawn
    peers: Peers
    unbound: Unbound
    cleared: Cleared
    resume: Resume
    unknown: Unknown
    log: Log
    sequenced: Sequenced
    roll: Roll
    deliveries: Deliveries
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., subscribe: _Optional[_Union[Subscribe, _Mapping]] = ..., unsubscribe: _Optional[_Union[Unsubscribe, _Mapping]] = ..., publish: _Optional[_Union[Publish, _Mapping]] = ..., push: _Optional[_Union[Push, _Mapping]] = ..., bind: _Optional[_Union[Bind, _Mapping]] = ..., unbind: _Optional[_Union[Unbind, _Mapping]] = ..., clear: _Optional[_Union[Clear, _Mapping]] = ..., pull: _Optional[_Union[Pull, _Mapping]] = ..., withdraw: _Optional[_Union[Withdraw, _Mapping]] = ..., taken: _Optional[_Union[Taken, _Mapping]] = ..., handled: _Optional[_Union[Handled, _Mapping]] = ..., bye: _Optional[_Union[Bye, _Mapping]] = ..., resumed: _Optional[_Union[Resumed, _Mapping]] = ..., follow: _Optional[_Union[Follow, _Mapping]] = ..., present: _Optional[_Union[Present, _Mapping]] = ..., absent: _Optional[_Union[Absent, _Mapping]] = ..., watch: _Optional[_Union[Watch, _Mapping]] = ..., appends: _Optional[_Union[Appends, _Mapping]] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., settled: _Optional[_Union[Settled, _Mapping]] = ..., delivery: _Optional[_Union[Delivery, _Mapping]] = ..., item: _Optional[_Union[Item, _Mapping]] = ..., withdrawn: _Optional[_Union[Withdrawn, _Mapping]] = ..., peers: _Optional[_Union[Peers, _Mapping]] = ..., unbound: _Optional[_Union[Unbound, _Mapping]] = ..., cleared: _Optional[_Union[Cleared, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ..., unknown: _Optional[_Union[Unknown, _Mapping]] = ..., log: _Optional[_Union[Log, _Mapping]] = ..., sequenced: _Optional[_Union[Sequenced, _Mapping]] = ..., roll: _Optional[_Union[Roll, _Mapping]] = ..., deliveries: _Optional[_Union[Deliveries, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version", "process", "epoch", "peers", "topics", "bindings", "pulls", "presence", "followed", "present", "watched", "only_publishes", "features")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    PULLS_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_FIELD_NUMBER: _ClassVar[int]
    FOLLOWED_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    WATCHED_FIELD_NUMBER: _ClassVar[int]
    ONLY_PUBLISHES_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    version: int
    process: bytes
    epoch: bytes
    peers: _containers.RepeatedScalarFieldContainer[bytes]
    topics: _containers.RepeatedScalarFieldContainer[str]
    bindings: _containers.RepeatedCompositeFieldContainer[Bind]
    pulls: _containers.RepeatedCompositeFieldContainer[Pull]
    presence: str
    followed: _containers.RepeatedCompositeFieldContainer[Follow]
    present: _containers.RepeatedCompositeFieldContainer[Present]
    watched: _containers.RepeatedScalarFieldContainer[str]
    only_publishes: bool
    features: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[int] = ..., process: _Optional[bytes] = ..., epoch: _Optional[bytes] = ..., peers: _Optional[_Iterable[bytes]] = ..., topics: _Optional[_Iterable[str]] = ..., bindings: _Optional[_Iterable[_Union[Bind, _Mapping]]] = ..., pulls: _Optional[_Iterable[_Union[Pull, _Mapping]]] = ..., presence: _Optional[str] = ..., followed: _Optional[_Iterable[_Union[Follow, _Mapping]]] = ..., present: _Optional[_Iterable[_Union[Present, _Mapping]]] = ..., watched: _Optional[_Iterable[str]] = ..., only_publishes: bool = ..., features: _Optional[_Iterable[str]] = ...) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ("seq", "topic")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    seq: int
    topic: str
    def __init__(self, seq: _Optional[int] = ..., topic: _Optional[str] = ...) -> None: ...

class Unsubscribe(_message.Message):
    __slots__ = ("topic",)
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: str
    def __init__(self, topic: _Optional[str] = ...) -> None: ...

class Publish(_message.Message):
    __slots__ = ("seq", "topic", "payload", "confirm", "history")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    seq: int
    topic: str
    payload: bytes
    confirm: bool
    history: History
    def __init__(self, seq: _Optional[int] = ..., topic: _Optional[str] = ..., payload: _Optional[bytes] = ..., confirm: bool = ..., history: _Optional[_Union[History, _Mapping]] = ...) -> None: ...

class History(_message.Message):
    __slots__ = ("messages", "seconds", "transient")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    TRANSIENT_FIELD_NUMBER: _ClassVar[int]
    messages: int
    seconds: float
    transient: bool
    def __init__(self, messages: _Optional[int] = ..., seconds: _Optional[float] = ..., transient: bool = ...) -> None: ...

class Appends(_message.Message):
    __slots__ = ("seq", "targets", "places", "payloads")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    seq: int
    targets: _containers.RepeatedCompositeFieldContainer[Target]
    places: _containers.RepeatedScalarFieldContainer[int]
    payloads: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, seq: _Optional[int] = ..., targets: _Optional[_Iterable[_Union[Target, _Mapping]]] = ..., places: _Optional[_Iterable[int]] = ..., payloads: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("topic", "history")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    topic: str
    history: History
    def __init__(self, topic: _Optional[str] = ..., history: _Optional[_Union[History, _Mapping]] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("epoch", "offset")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    offset: int
    def __init__(self, epoch: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class Follow(_message.Message):
    __slots__ = ("seq", "topic", "after", "once", "brief")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    ONCE_FIELD_NUMBER: _ClassVar[int]
    BRIEF_FIELD_NUMBER: _ClassVar[int]
    seq: int
    topic: str
    after: Position
    once: bool
    brief: bool
    def __init__(self, seq: _Optional[int] = ..., topic: _Optional[str] = ..., after: _Optional[_Union[Position, _Mapping]] = ..., once: bool = ..., brief: bool = ...) -> None: ...

class Present(_message.Message):
    __slots__ = ("seq", "topic", "key", "info", "linger", "limit", "queue", "capacity", "expiry", "known", "expected")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    LINGER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    seq: int
    topic: str
    key: str
    info: bytes
    linger: float
    limit: int
    queue: str
    capacity: int
    expiry: float
    known: bool
    expected: bool
    def __init__(self, seq: _Optional[int] = ..., topic: _Optional[str] = ..., key: _Optional[str] = ..., info: _Optional[bytes] = ..., linger: _Optional[float] = ..., limit: _Optional[int] = ..., queue: _Optional[str] = ..., capacity: _Optional[int] = ..., expiry: _Optional[float] = ..., known: bool = ..., expected: bool = ...) -> None: ...

class Absent(_message.Message):
    __slots__ = ("seq", "topic", "key")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    seq: int
    topic: str
    key: str
    def __init__(self, seq: _Optional[int] = ..., topic: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class Watch(_message.Message):
    __slots__ = ("seq", "topic", "off", "once", "count")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    OFF_FIELD_NUMBER: _ClassVar[int]
    ONCE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    seq: int
    topic: str
    off: bool
    once: bool
    count: bool
    def __init__(self, seq: _Optional[int] = ..., topic: _Optional[str] = ..., off: bool = ..., once: bool = ..., count: bool = ...) -> None: ...

class Push(_message.Message):
    __slots__ = ("seq", "queue", "payload", "capacity", "expiry", "front")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    FRONT_FIELD_NUMBER: _ClassVar[int]
    seq: int
    queue: str
    payload: bytes
    capacity: int
    expiry: float
    front: bool
    def __init__(self, seq: _Optional[int] = ..., queue: _Optional[str] = ..., payload: _Optional[bytes] = ..., capacity: _Optional[int] = ..., expiry: _Optional[float] = ..., front: bool = ...) -> None: ...

class Bind(_message.Message):
    __slots__ = ("seq", "topic", "queue", "capacity", "expiry", "lifetime")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_FIELD_NUMBER: _ClassVar[int]
    seq: int
    topic: str
    queue: str
    capacity: int
    expiry: float
    lifetime: float
    def __init__(self, seq: _Optional[int] = ..., topic: _Optional[str] = ..., queue: _Optional[str] = ..., capacity: _Optional[int] = ..., expiry: _Optional[float] = ..., lifetime: _Optional[float] = ...) -> None: ...

class Unbind(_message.Message):
    __slots__ = ("seq", "topic", "queue")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    seq: int
    topic: str
    queue: str
    def __init__(self, seq: _Optional[int] = ..., topic: _Optional[str] = ..., queue: _Optional[str] = ...) -> None: ...

class Clear(_message.Message):
    __slots__ = ("seq", "prefix")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    seq: int
    prefix: str
    def __init__(self, seq: _Optional[int] = ..., prefix: _Optional[str] = ...) -> None: ...

class Pull(_message.Message):
    __slots__ = ("id", "queue")
    ID_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    id: int
    queue: str
    def __init__(self, id: _Optional[int] = ..., queue: _Optional[str] = ...) -> None: ...

class Withdraw(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class Taken(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class Handled(_message.Message):
    __slots__ = ("count", "refused")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    count: int
    refused: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, count: _Optional[int] = ..., refused: _Optional[_Iterable[int]] = ...) -> None: ...

class Bye(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Resumed(_message.Message):
    __slots__ = ("number", "topic")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    number: int
    topic: str
    def __init__(self, number: _Optional[int] = ..., topic: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("epoch", "missed", "features")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    epoch: bytes
    missed: bool
    features: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, epoch: _Optional[bytes] = ..., missed: bool = ..., features: _Optional[_Iterable[str]] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Settled(_message.Message):
    __slots__ = ("seqs", "refused", "unheard")
    SEQS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    UNHEARD_FIELD_NUMBER: _ClassVar[int]
    seqs: _containers.RepeatedScalarFieldContainer[int]
    refused: _containers.RepeatedScalarFieldContainer[int]
    unheard: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, seqs: _Optional[_Iterable[int]] = ..., refused: _Optional[_Iterable[int]] = ..., unheard: _Optional[_Iterable[int]] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("sender", "seq", "topic", "payload", "confirm", "numbered")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_FIELD_NUMBER: _ClassVar[int]
    NUMBERED_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    seq: int
    topic: str
    payload: bytes
    confirm: bool
    numbered: Numbered
    def __init__(self, sender: _Optional[bytes] = ..., seq: _Optional[int] = ..., topic: _Optional[str] = ..., payload: _Optional[bytes] = ..., confirm: bool = ..., numbered: _Optional[_Union[Numbered, _Mapping]] = ...) -> None: ...

class Numbered(_message.Message):
    __slots__ = ("epoch", "offset", "order")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    offset: int
    order: int
    def __init__(self, epoch: _Optional[str] = ..., offset: _Optional[int] = ..., order: _Optional[int] = ...) -> None: ...

class Deliveries(_message.Message):
    __slots__ = ("sender", "seq", "topic", "numbered", "payloads")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    NUMBERED_FIELD_NUMBER: _ClassVar[int]
    PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    seq: int
    topic: str
    numbered: Numbered
    payloads: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, sender: _Optional[bytes] = ..., seq: _Optional[int] = ..., topic: _Optional[str] = ..., numbered: _Optional[_Union[Numbered, _Mapping]] = ..., payloads: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Sequenced(_message.Message):
    __slots__ = ("epoch", "seqs", "offsets", "orders")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQS_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    seqs: _containers.RepeatedScalarFieldContainer[int]
    offsets: _containers.RepeatedScalarFieldContainer[int]
    orders: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, epoch: _Optional[str] = ..., seqs: _Optional[_Iterable[int]] = ..., offsets: _Optional[_Iterable[int]] = ..., orders: _Optional[_Iterable[int]] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("epoch", "first", "last")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    first: int
    last: int
    def __init__(self, epoch: _Optional[str] = ..., first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class LogEntry(_message.Message):
    __slots__ = ("epoch", "offset", "order", "sender", "seq", "payload", "age")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    offset: int
    order: int
    sender: bytes
    seq: int
    payload: bytes
    age: float
    def __init__(self, epoch: _Optional[str] = ..., offset: _Optional[int] = ..., order: _Optional[int] = ..., sender: _Optional[bytes] = ..., seq: _Optional[int] = ..., payload: _Optional[bytes] = ..., age: _Optional[float] = ...) -> None: ...

class Log(_message.Message):
    __slots__ = ("topic", "whole", "floor", "runs", "entries", "more", "seq")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    topic: str
    whole: bool
    floor: int
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    entries: _containers.RepeatedCompositeFieldContainer[LogEntry]
    more: bool
    seq: int
    def __init__(self, topic: _Optional[str] = ..., whole: bool = ..., floor: _Optional[int] = ..., runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., entries: _Optional[_Iterable[_Union[LogEntry, _Mapping]]] = ..., more: bool = ..., seq: _Optional[int] = ...) -> None: ...

class Roll(_message.Message):
    __slots__ = ("topic", "version", "whole", "came", "gone", "count", "once", "more")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    CAME_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ONCE_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    topic: str
    version: int
    whole: bool
    came: _containers.RepeatedCompositeFieldContainer[RollKey]
    gone: _containers.RepeatedScalarFieldContainer[str]
    count: int
    once: int
    more: bool
    def __init__(self, topic: _Optional[str] = ..., version: _Optional[int] = ..., whole: bool = ..., came: _Optional[_Iterable[_Union[RollKey, _Mapping]]] = ..., gone: _Optional[_Iterable[str]] = ..., count: _Optional[int] = ..., once: _Optional[int] = ..., more: bool = ...) -> None: ...

class RollKey(_message.Message):
    __slots__ = ("key", "info", "since", "connections")
    KEY_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    key: str
    info: bytes
    since: float
    connections: int
    def __init__(self, key: _Optional[str] = ..., info: _Optional[bytes] = ..., since: _Optional[float] = ..., connections: _Optional[int] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("id", "payload")
    ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    id: int
    payload: bytes
    def __init__(self, id: _Optional[int] = ..., payload: _Optional[bytes] = ...) -> None: ...

class Withdrawn(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class Peers(_message.Message):
    __slots__ = ("processes",)
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    processes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, processes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Unbound(_message.Message):
    __slots__ = ("topic", "queue")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    topic: str
    queue: str
    def __init__(self, topic: _Optional[str] = ..., queue: _Optional[str] = ...) -> None: ...

class Cleared(_message.Message):
    __slots__ = ("prefix",)
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    def __init__(self, prefix: _Optional[str] = ...) -> None: ...

class Unknown(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ("number", "topic")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    number: int
    topic: str
    def __init__(self, number: _Optional[int] = ..., topic: _Optional[str] = ...) -> None: ...
