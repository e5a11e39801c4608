"""Files of any shape as feeds, by a declared mapping: time zone, clock convention, units, codes.

A mapping file (`mapping`) says what a set of files holds; nothing about a file is guessed. Reading
goes `cells` (bytes to text) -> `stamps` and `clocks` (UTC periods) -> `rows` (a table's rows).

Belongs here: history, metering and telemetry that arrive as CSV or Parquet. Not here: sources with
a format of their own (`entsoe`, `fuel_folder`), storing and screening (`quality`).

Public face:
    `load_mapping(path)` -> `Mapping`
    `mapped_feeds(mapping, data_root, scope)` -> one `MappedFeed` per file set, table and scope
    `feeds_of(spec, access, desk)` -> those that fit a desk
"""

from energy_assets.feeds.mapped_files.feed import MappedFeed, feeds_of, mapped_feeds
from energy_assets.feeds.mapped_files.mapping import Mapping, load_mapping

__all__ = ["MappedFeed", "Mapping", "feeds_of", "load_mapping", "mapped_feeds"]
