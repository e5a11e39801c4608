from __future__ import annotations

from energy_assets.lakehouse import TABLES, dictionary


def test_every_table_and_column_is_in_the_dictionary():
    page = dictionary.text()
    for table in TABLES.values():
        section = page.split(f"### {table.id}\n")[1].split("\n### ")[0]
        for column in table.all_columns:
            assert f"| `{column.name}` |" in section
            assert column.meaning.replace("|", "/") in section
