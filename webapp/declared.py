"""The site's own settings: each is declared here once, and comes from the environment (see docs/settings.md)."""

import contextlib
import os
from pathlib import Path

from recsys.config import EngineConfig
from webapp.environment import environment, first_line

BASE_DIR = Path(__file__).resolve().parent.parent
_ENGINE = EngineConfig()
#: Longest time that anything is waited for or kept: Redis and the log reckon in milliseconds of 64 bits.
_DECADE_S = 10 * 365 * 86_400

# -- Where and how it runs ---------------------------------------------------------------------------------------

environment.section("Where and how it runs")
FRESHET_VAR = environment.folder(
    "FRESHET_VAR",
    BASE_DIR / "var",
    "Folder of everything that is written: database, archive, snapshots, caches.",
    shown="`var/` beside `manage.py`",
)
with contextlib.suppress(OSError):
    # The database is opened before the startup checks can say that the folder can't be made.
    FRESHET_VAR.mkdir(parents=True, exist_ok=True)
FRESHET_DEBUG = environment.flag("FRESHET_DEBUG", False, "Show tracebacks in the browser. For development only.")
FRESHET_HOST = environment.text("FRESHET_HOST", "127.0.0.1", "Address that the web server listens on.")
FRESHET_PORT = environment.integer("FRESHET_PORT", 8_000, "Port that the web server listens on.", at_most=65_535)
FRESHET_ALLOWED_HOSTS = environment.words(
    "FRESHET_ALLOWED_HOSTS",
    ("localhost", "127.0.0.1", "[::1]"),
    "Host names that the site answers to; websockets are accepted from pages of these hosts only. `/healthz`, "
    "`/readyz` and `/metrics` answer to any, for load balancers and scrapers.",
)
FRESHET_HTTPS = environment.flag(
    "FRESHET_HTTPS",
    False,
    "Visitors come over HTTPS: cookies are marked secure, HTTP is redirected, and the proxy's "
    "`X-Forwarded-Proto` is believed.",
)
FRESHET_SECRET_KEY = environment.text(
    "FRESHET_SECRET_KEY",
    "",
    "Signs cookies, sessions and slates. Keep it secret and the same on all machines.",
    shown="read from `var/secret_key`, which `make demo` makes; without either the site does not start",
)
FRESHET_STATIC_ROOT = environment.folder(
    "FRESHET_STATIC_ROOT",
    None,
    "Folder that `manage.py collectstatic` fills with scripts, styles and fonts: they are served from there, "
    "compressed, under names by which browsers may keep them for good.",
    shown="none: they are served from where they lie in the code",
)
FRESHET_LOG_LEVEL = environment.choice(
    "FRESHET_LOG_LEVEL", "INFO", "Lowest level of log lines.", among=("DEBUG", "INFO", "WARNING", "ERROR")
)
FRESHET_LOG_FORMAT = environment.choice(
    "FRESHET_LOG_FORMAT", "console", "Log lines for people or for machines.", among=("console", "json")
)

# Compiled code is kept beside the other caches; numba reads this when it is first imported.
os.environ.setdefault("NUMBA_CACHE_DIR", str(FRESHET_VAR / "numba"))

# -- Services ----------------------------------------------------------------------------------------------------

environment.section("Services")
FRESHET_REDIS_URL = environment.url(
    "FRESHET_REDIS_URL",
    f"redis://127.0.0.1:{first_line(FRESHET_VAR / 'valkey' / 'port', '6379')}",
    "Redis-compatible server (7.0 or newer) that holds the log, sessions, deltas and tasks.",
    schemes=("redis", "rediss", "unix"),
    shown="the server that `make demo` started (`var/valkey/port`), else `redis://127.0.0.1:6379`",
)
FRESHET_REDIS_APPENDFSYNC = environment.choice(
    "FRESHET_REDIS_APPENDFSYNC",
    "always",
    "When the server started by `make demo` writes to disk; with `always` an acknowledged click survives a crash.",
    among=("always", "everysec", "no"),
)
FRESHET_DATABASE_URL = environment.url(
    "FRESHET_DATABASE_URL",
    f"sqlite:///{FRESHET_VAR / 'db.sqlite3'}",
    "Database of the catalogue, the staff's accounts, and what their pages count.",
    schemes=("sqlite", "postgres", "postgresql"),
    shown="SQLite in `var/db.sqlite3`",
)

FRESHET_DATASET = environment.text(
    "FRESHET_DATASET",
    "movielens",
    "What `make demo` opens with at first: `movielens`, `none`, a folder with your own items and events, or a file of "
    "RankLens.",
)

# -- Visitors ----------------------------------------------------------------------------------------------------

environment.section("Visitors")
FRESHET_CONSENT_DEFAULT = environment.choice(
    "FRESHET_CONSENT_DEFAULT",
    "off",
    "What is kept of visitors who have not chosen: nothing, their session, or that they come back. "
    "`make demo` sets `session`.",
    among=("off", "session", "visitor"),
)
FRESHET_SESSION_EVENTS_PER_S = environment.number(
    "FRESHET_SESSION_EVENTS_PER_S", 20.0, "Events a second that a session may send in the long run.", at_least=0.1
)
FRESHET_SESSION_EVENTS_BURST = environment.integer(
    "FRESHET_SESSION_EVENTS_BURST", 200, "Events that a session may send at once, for instance after being offline."
)

FRESHET_SIMULATED_VISITORS = environment.flag(
    "FRESHET_SIMULATED_VISITORS",
    False,
    "Serve visitors that say they are simulated (load tests, and those that staff bring); without it they are refused. "
    "`make demo` sets it.",
)
FRESHET_CONTROL_SHARE = environment.share(
    "FRESHET_CONTROL_SHARE",
    0.0,
    "Share of visitors who are served everybody's ranking, whatever they do: what adapting is compared with.",
)
FRESHET_SIMULATED_CONTROL_SHARE = environment.share(
    "FRESHET_SIMULATED_CONTROL_SHARE", 0.1, "The same, of simulated visitors."
)
FRESHET_ARM_SALT = environment.text(
    "FRESHET_ARM_SALT",
    "",
    "Decides with a visitor's id who is in the control arm; another one draws anew for sessions that begin.",
    shown="drawn from `FRESHET_SECRET_KEY`",
)

# -- Log and learning --------------------------------------------------------------------------------------------

environment.section("Log and learning")
FRESHET_LOG_MAX_EVENTS = environment.integer(
    "FRESHET_LOG_MAX_EVENTS",
    1_000_000,
    "Events that the live log holds before new ones are refused (browsers keep them and try again).",
    at_least=1_000,
)
FRESHET_LOG_KEEP_EVENTS = environment.integer(
    "FRESHET_LOG_KEEP_EVENTS", 100_000, "Folded and archived events that stay in the live log all the same.", at_least=0
)
FRESHET_SESSION_TTL_S = environment.integer(
    "FRESHET_SESSION_TTL_S",
    2_400,
    "How long after its last event a session's own events are kept ready, so that another process can take it over.",
    at_least=60,
    at_most=_DECADE_S,
)
FRESHET_RECOGNISED_SESSION_TTL_S = environment.integer(
    "FRESHET_RECOGNISED_SESSION_TTL_S",
    86_400,
    "The same for visitors who allow to be recognised: their earlier sessions count for so long.",
    at_least=60,
    at_most=_DECADE_S,
)
FRESHET_SESSION_REST_S = environment.integer(
    "FRESHET_SESSION_REST_S",
    180,
    "How long a session's own events are unused before they leave Redis' memory; the archive is asked for them then.",
    at_least=1,
)
#: Bounds of the time between folds, of the setting as of the knob.
FASTEST_FOLD_MS = 50
SLOWEST_FOLD_MS = 60_000
FRESHET_FOLD_EVERY_MS = environment.integer(
    "FRESHET_FOLD_EVERY_MS",
    500,
    "Time between folds until staff turn the knob.",
    at_least=FASTEST_FOLD_MS,
    at_most=SLOWEST_FOLD_MS,
)
FRESHET_FOLD_MAX_EVENTS = environment.integer("FRESHET_FOLD_MAX_EVENTS", 20_000, "Most events that one fold takes in.")
FRESHET_AGGREGATE_EVERY_MS = environment.integer(
    "FRESHET_AGGREGATE_EVERY_MS",
    1_000,
    "Time between two counts of what came in, for the staff pages.",
    at_least=100,
    at_most=3_600_000,
)
FRESHET_LEASE_MS = environment.integer(
    "FRESHET_LEASE_MS",
    15_000,
    "How long a learner that died keeps another from taking over.",
    at_least=1_000,
    at_most=1_000 * _DECADE_S,
)
FRESHET_SNAPSHOT_EVERY_S = environment.integer(
    "FRESHET_SNAPSHOT_EVERY_S", 60, "Time between snapshots while events come in."
)
FRESHET_SNAPSHOT_EVERY_EVENTS = environment.integer(
    "FRESHET_SNAPSHOT_EVERY_EVENTS", 50_000, "Events after which a snapshot is made at the latest."
)
FRESHET_SNAPSHOTS_KEPT = environment.integer(
    "FRESHET_SNAPSHOTS_KEPT", 5, "Newest snapshots that are kept, besides those further back.", at_least=2
)
FRESHET_SNAPSHOTS_MAX_MB = environment.integer(
    "FRESHET_SNAPSHOTS_MAX_MB",
    1_000,
    "Disk for all snapshots: those further back let time travel begin near where it goes, and stand the farther apart "
    "the older they are once this is full. 0 keeps the newest ones and the oldest that is of use.",
    at_least=0,
)
FRESHET_LENS_FARTHEST_EVENTS = environment.integer(
    "FRESHET_LENS_FARTHEST_EVENTS",
    250_000,
    "Most events that the lens folds to rebuild what was believed at a moment of the past; farther ones are gone.",
)
FRESHET_ARCHIVE_EVERY_S = environment.integer(
    "FRESHET_ARCHIVE_EVERY_S", 60, "Time between writes of the live log's events to the archive."
)
FRESHET_REPLICA_REFRESH_MS = environment.integer(
    "FRESHET_REPLICA_REFRESH_MS", 100, "Time between a web process's looks for new deltas.", at_least=10
)
FRESHET_STALE_AFTER_S = environment.integer(
    "FRESHET_STALE_AFTER_S", 60, "Age of the served model after which `/readyz` and staff pages say that it is stale."
)

# -- Engine ------------------------------------------------------------------------------------------------------

environment.section("Engine (what the fold reads: a change starts a new lineage, learned again from the log)")
FRESHET_MODEL = environment.text(
    "FRESHET_MODEL",
    _ENGINE.model,
    "The click model: `gaussian`, `river-logistic` (standard scaler, logistic regression), or any River classifier, "
    "such as `river:preprocessing.StandardScaler|linear_model.PAClassifier`.",
    form=r"gaussian|river-logistic|river:[\w.|]+",
)
FRESHET_ATTRIBUTION_WINDOW_S = environment.integer(
    "FRESHET_ATTRIBUTION_WINDOW_S",
    _ENGINE.attribution_window_s,
    "Time after which a slate without a click counts as left, and later clicks teach nothing.",
    at_most=_DECADE_S,
)
FRESHET_SESSION_GAP_S = environment.integer(
    "FRESHET_SESSION_GAP_S", _ENGINE.session_gap_s, "Inactivity that ends a session.", at_least=60
)
FRESHET_MOST_ITEMS = environment.integer(
    "FRESHET_MOST_ITEMS",
    _ENGINE.most_items,
    "Items that the world holds, 2.5 kB each; when one more enters, the eighth that was left alone for longest goes.",
    at_least=8,
)
FRESHET_POPULARITY_HALF_LIFE_S = environment.integer(
    "FRESHET_POPULARITY_HALF_LIFE_S", _ENGINE.popularity_half_life_s, "Half-life of an item's long click statistics."
)
FRESHET_TRENDING_HALF_LIFE_S = environment.integer(
    "FRESHET_TRENDING_HALF_LIFE_S", _ENGINE.trending_half_life_s, "Half-life of an item's short click statistics."
)
FRESHET_FORGETTING_HALF_LIFE_S = environment.integer(
    "FRESHET_FORGETTING_HALF_LIFE_S", _ENGINE.forgetting_half_life_s, "Half-life of the evidence in the world belief."
)
FRESHET_SLATE_SIZE = environment.integer(
    "FRESHET_SLATE_SIZE", _ENGINE.slate_size, 'Items in a "for you" slate.', at_most=100
)
FRESHET_CANDIDATES = environment.integer(
    "FRESHET_CANDIDATES", _ENGINE.candidates, "Candidates that session neighbours may bring."
)
FRESHET_EXPLORATION_LOGITS = environment.number(
    "FRESHET_EXPLORATION_LOGITS", _ENGINE.exploration, "How much chance there is in a slate; 0 always serves the best."
)
FRESHET_CURIOSITY_LOGITS = environment.number(
    "FRESHET_CURIOSITY_LOGITS",
    _ENGINE.curiosity,
    "What items that are hardly known yet gain to be tried, beside a standard deviation of their appeal; 0 tries none.",
)
FRESHET_DIVERSITY_LOGITS = environment.number(
    "FRESHET_DIVERSITY_LOGITS", _ENGINE.diversity, "What full likeness to an item higher in the slate costs."
)
FRESHET_CALIBRATION_LOGITS = environment.number(
    "FRESHET_CALIBRATION_LOGITS",
    _ENGINE.calibration,
    "What an item gains that is all of what the visitor clicks and the slate still lacks.",
)
FRESHET_LEARN_FROM_SIMULATED = environment.flag(
    "FRESHET_LEARN_FROM_SIMULATED",
    _ENGINE.learn_from_simulated,
    "Whether the model for everybody learns from simulated visitors. `make demo` sets it.",
)
FRESHET_SEED = environment.integer("FRESHET_SEED", _ENGINE.seed, "Seeds the exploration.")
