"""`python -m energy_assets.bidding.schemas` writes the schema files."""

from energy_assets.bidding.schemas import write_schemas

write_schemas()
