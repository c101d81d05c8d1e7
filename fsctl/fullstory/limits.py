"""Fullstory's published limits, each with its source (contracts/fullstory-api, section in the
comment). Lengths are counted in code points where Fullstory says "characters".

A leaf: it imports nothing, so that checks before sending cost nothing at start-up.
"""

from __future__ import annotations

# --- batches and rates (§1.2) ---------------------------------------------------------------------
BATCH_MAX_REQUESTS = 50_000  # request objects in one batch call, users and events alike
BATCH_MAX_RUNNING = 100  # batches of one organisation that run at once; further ones queue
BATCH_MAX_IN_PROGRESS = 200  # running and queued batches, from which on the answer is 429
BATCH_MAX_OPERATIONS = 500_000  # single operations in progress, from which on the answer is 429
SERVER_EVENTS_PER_MONTH = 500_000  # Business, Advanced and Enterprise plans
SERVER_EVENTS_PER_MONTH_FREE = 5_000
ACTIVATIONS_PER_MONTH = 1_000  # session summaries and contexts, Enterprise and Advanced plans
JOB_POLL_SECONDS = 2.0  # how often Fullstory's own Node client asks for a job's status

# --- idempotency (§1.3) ---------------------------------------------------------------------------
IDEMPOTENCY_SECONDS = 24 * 60 * 60  # how long a key answers with what it answered first

# --- paging (§1.4); page sizes of users and batch results are not published ---------------------
SESSIONS_LIMIT_DEFAULT = 20
SEGMENTS_LIMIT_DEFAULT = 20
SEGMENTS_LIMIT_MAX = 100

# --- properties (§1.5) ----------------------------------------------------------------------------
USER_PROPERTIES_MAX = 500  # unique properties, nested ones counted by their dotted path
PROPERTY_NAME_MAX = 512  # characters, including the dotted path of nested objects
PROPERTY_VALUE_MAX_BYTES = 8_192
USER_PROPERTY_NAME = r"[A-Za-z][A-Za-z0-9_]*"
EVENT_PROPERTY_NAME = r"[A-Za-z][A-Za-z0-9_-]*"  # the client API's rule: hyphens as well
PROPERTY_TYPES = (
    "str",
    "strs",
    "int",
    "ints",
    "real",
    "reals",
    "bool",
    "bools",
    "date",
    "dates",
)

# --- users (§2.1) ---------------------------------------------------------------------------------
UID_MAX = 256
DISPLAY_NAME_MAX = 256
EMAIL_MAX = 128

# --- events (§1.5, §2.3) --------------------------------------------------------------------------
EVENT_NAME_MAX = 250  # published for the client API; the server page gives none
EVENT_PAYLOAD_MAX_BYTES = 512 * 1024  # published for the client API; the server page gives none
SESSION_UID_MAX = 256
RECENT_SESSION_SECONDS = 30 * 60  # a session this recently active takes use_most_recent events

# --- annotations (§2.4) ---------------------------------------------------------------------------
ANNOTATION_TEXT_MAX = 200
ANNOTATION_SOURCE_MAX = 40
