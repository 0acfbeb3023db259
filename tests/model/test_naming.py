"""Names that every database takes, and that never collide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.model.naming import MAX_BYTES, column_name, entity_name, key_rank, singular, snake, table_name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("AlbumId", "album_id"), ("US Gross", "us_gross"), ("pt-BR", "pt_br"), ("Flipper Length (mm)", "flipper_length_mm"),
        ("IMDB Rating", "imdb_rating"), ("_id", "_id"), ("", ""), ("a.b[c]", "a_b_c"), ("HTTPServer", "http_server"),
        ("日本", "日本"), ("x\ny", "x_y"),
    ],
)  # fmt: skip
def test_snake_case(key, name):
    """Keys become words in lower case, joined by underscores."""
    assert snake(key) == name


@given(st.lists(st.text(max_size=90), unique=True, max_size=30))
def test_columns_are_distinct_and_fit(keys):
    """Any set of keys gets distinct names of at most 63 bytes, ignoring case."""
    taken = {"_rest", "id"}
    for key in keys:
        name = column_name(key, taken)
        assert name.casefold() not in taken
        assert 0 < len(name.encode()) <= MAX_BYTES
        assert name == name.casefold()
        taken.add(name)


def test_keys_equal_in_their_first_63_bytes_stay_apart():
    """What two long keys differ in may be beyond PostgreSQL's limit."""
    one, other = (column_name("k" * 70 + end, ()) for end in "ab")
    assert one != other


def test_a_name_does_not_depend_on_its_neighbours_order_when_free():
    """The same key gets the same suffix wherever the collision happens."""
    assert column_name("Name", {"name"}) == column_name("Name", {"name", "other"})


def test_tables_are_named_after_entity_and_array():
    """The guide's convention."""
    assert table_name("json_", ("invoices", "line_items"), ()) == "json_invoices_line_items"
    assert len(table_name("json_", ("x" * 80,), ()).encode()) == MAX_BYTES


@pytest.mark.parametrize(("plural", "one"), [("invoices", "invoice"), ("entries", "entry"), ("taxes", "tax"),
    ("addresses", "address"), ("status", "status"), ("customerpayments", "customerpayment"), ("branches", "branch")])  # fmt: skip
def test_singular(plural, one):
    """Names of entities in the singular."""
    assert singular(plural) == one


@pytest.mark.parametrize(("field", "entity", "rank"), [("id", "x", 0), ("ID", "x", 0), ("_id", "x", 1),
    ("invoices_id", "invoices", 2), ("invoiceId", "invoices", 3), ("InvoiceId", "invoices", 3),
    ("payment_id", "customerpayments", 4), ("TrackId", "playlist_track", 4), ("customer_id", "invoices", None),
    ("name", "x", None), ("_id_", "x", 1), ("paid", "bills", None)])  # fmt: skip
def test_rank_of_likely_keys(field, entity, rank):
    """Fields are ranked by how likely their names make them the key."""
    assert key_rank(field, entity) == rank


def test_entities_always_have_a_name():
    """A stem of nothing but signs gets a name all the same."""
    assert entity_name("countries+states") == "countries_states"
    assert entity_name("+++").startswith("entity_")
