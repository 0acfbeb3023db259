"""Names that every database takes, and that never collide."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from json2db_sync.model.plan import MAX_BYTES, column_name, entity_name, key_rank, singular, snake, table_name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("AlbumId", "album_id"), ("US Gross", "us_gross"), ("pt-BR", "pt_br"), ("Flipper Length (mm)", "flipper_length_mm"),
        ("IMDB Rating", "imdb_rating"), ("_id", "_id"), ("", ""), ("a.b[c]", "a_b_c"), ("HTTPServer", "http_server"),
        ("日本", "日本"), ("x\ny", "x_y"), ("a__b", "a_b"), ("a___b", "a_b"), ("a - _b", "a_b"), ("__typename", "__typename"), ("a_", "a"), ("((a))", "_a"),
        ("\uff4e\uff41\uff4d\uff45", "name"), ("x²", "x2"), ("Straße", "strasse"), ("v2Beta", "v2_beta"), ("HTML5Page", "html5_page"),
    ],
)  # fmt: skip
def test_snake_case(key, name):
    """Keys become words in lower case, joined by underscores."""
    assert snake(key) == name


long_text = st.builds(lambda start, middle, end: start + middle * 60 + end, *[st.text(max_size=2)] * 3)


@given(st.lists(st.text(max_size=90) | long_text, unique=True, max_size=30))
@example(["é" * 40, "é" * 40 + "a", "x" + "é" * 40, "x" + "é" * 40 + "a", "k" * 63, "K" * 63, "k" * 64, ""])
def test_columns_are_distinct_and_fit(keys):
    """Any set of keys gets distinct names of at most 63 bytes, ignoring case."""
    taken = {"_rest", "id"}
    for key in keys:
        name = column_name(key, taken)
        assert name.casefold() not in taken
        assert 0 < len(name.encode()) <= MAX_BYTES
        assert name == name.casefold()
        taken.add(name)


paths = st.lists(st.text(max_size=40) | long_text, min_size=1, max_size=3).map(tuple)


@given(st.lists(paths, unique=True, max_size=20))
@example([("a", "b_c"), ("a_b", "c"), ("a", "b", "c"), ("é" * 80,), ("é" * 81,), ("", ""), ("", "key")])
def test_tables_are_distinct_and_fit(all_paths):
    """Any set of entities and arrays gets distinct names of tables, of at most 63 bytes."""
    taken = set()
    for path in all_paths:
        name = table_name("json_", path, taken)
        assert name not in taken
        assert name.startswith("json_")
        assert len(name.encode()) <= MAX_BYTES
        taken.add(name)


def test_the_limit_is_that_of_postgresql():
    """63 bytes are kept whole; a longer name ends in 8 digits of a hash of the whole key."""
    assert MAX_BYTES == 63
    assert column_name("k" * 63, ()) == "k" * 63
    assert column_name("é" * 31, ()) == "é" * 31
    assert re.fullmatch("k{54}_[0-9a-f]{8}", column_name("k" * 64, ()))
    assert re.fullmatch("é{27}_[0-9a-f]{8}", column_name("é" * 32, ()))


def test_no_character_is_cut_in_two():
    """A cut name ends before a character that has no room as a whole, and never in two underscores."""
    assert re.fullmatch("xé{26}_[0-9a-f]{8}", column_name("x" + "é" * 40, ()))
    assert re.fullmatch("k{53}_[0-9a-f]{8}", column_name("k" * 53 + " " + "x" * 20, ()))
    full = "x" + "é" * 31
    assert re.fullmatch("xé{27}_[0-9a-f]{6}", column_name(full, {full}))


@pytest.mark.parametrize(("key", "name"), [("Name", "name"), ("", "key"), ("+", "key"), ("A b", "a_b")])
def test_a_free_name_is_the_plain_one(key, name):
    """A column whose name is free has no suffix."""
    assert column_name(key, ()) == column_name(key, {"other"}) == name


def test_a_name_that_is_taken_gets_digits():
    """Six digits of a hash of the key tell it from the other; more, where that name is taken too."""
    six = column_name("Name", {"name"})
    seven = column_name("Name", {"name", six})
    assert re.fullmatch("name_[0-9a-f]{6}", six)
    assert re.fullmatch(six + "[0-9a-f]", seven)
    assert re.fullmatch(seven + "[0-9a-f]", column_name("Name", {"name", six, seven}))
    assert column_name("NAME", {"name"}) != six


def test_keys_equal_in_their_first_63_bytes_stay_apart():
    """What two long keys differ in may be beyond PostgreSQL's limit."""
    one, other = (column_name("k" * 70 + end, ()) for end in "ab")
    assert one != other


def test_long_keys_that_make_one_name_stay_apart():
    """What replaces the end of a long name is made of the exact key, so that no other name need be taken."""
    assert len({column_name(key, ()) for key in ("k" * 70, "K" * 70, "K" + "k" * 69)}) == 3
    assert len({table_name("", parts, ()) for parts in (("k" * 70, "a"), ("K" * 70, "a"), ("k" * 70 + "_a",))}) == 3


def test_a_name_does_not_depend_on_its_neighbours_order_when_free():
    """The same key gets the same suffix wherever the collision happens."""
    assert column_name("Name", {"name"}) == column_name("Name", {"name", "other"})


def test_tables_are_named_after_entity_and_array():
    """The guide's convention."""
    assert table_name("json_", ("invoices", "line_items"), ()) == "json_invoices_line_items"
    assert table_name("json_", ("customerOrders", "", "Line Items"), ()) == "json_customer_orders_key_line_items"
    assert re.fullmatch("json_x{49}_[0-9a-f]{8}", table_name("json_", ("x" * 80,), ()))


def test_tables_of_other_paths_but_one_name_stay_apart():
    """Where entity and array make one name together, their suffixes tell which is which, whatever else is taken."""
    names = {table_name("", parts, {"a_b_c"}) for parts in (("a", "b_c"), ("a_b", "c"), ("a", "b", "c"))}
    assert len(names) == 3
    assert all(re.fullmatch("a_b_c_[0-9a-f]{6}", name) for name in names)


def test_names_stay_what_they_are():
    """The suffixes of today are those in databases made before."""
    assert column_name("Name", {"name"}) == "name_dcd1d5"
    assert column_name("k" * 70, ()) == "k" * 54 + "_5c6ced41"
    assert table_name("json_", ("a", "b_c"), {"json_a_b_c"}) == "json_a_b_c_662f0b"
    assert entity_name("+++") == "entity_29f5099b"


@pytest.mark.parametrize(("plural", "one"), [("invoices", "invoice"), ("entries", "entry"), ("taxes", "tax"),
    ("addresses", "address"), ("status", "status"), ("customerpayments", "customerpayment"), ("branches", "branch"),
    ("dishes", "dish"), ("glass", "glass"), ("analysis", "analysis"), ("data", "data"), ("bonuses", "bonuse"), ("s", "")])  # fmt: skip
def test_singular(plural, one):
    """Names of entities in the singular."""
    assert singular(plural) == one


@pytest.mark.parametrize(("field", "entity", "rank"), [("id", "x", 0), ("ID", "x", 0), ("_id", "x", 1),
    ("invoices_id", "invoices", 2), ("invoiceId", "invoices", 3), ("InvoiceId", "invoices", 3),
    ("payment_id", "customerpayments", 4), ("TrackId", "playlist_track", 4), ("customer_id", "invoices", None),
    ("customer_id", "customerpayments", None), ("name", "x", None), ("_id_", "x", 1), ("paid", "bills", None), ("payment", "customerpayments", None),
    ("invoice", "invoices", None), ("x__id", "x", 2)])  # fmt: skip
def test_rank_of_likely_keys(field, entity, rank):
    """Fields are ranked by how likely their names make them the key."""
    assert key_rank(field, entity) == rank


def test_entities_always_have_a_name():
    """A stem of nothing but signs gets a name all the same."""
    assert entity_name("countries+states") == "countries_states"
    assert entity_name("_private_") == "private"
    assert entity_name("x_rays_x") == "x_rays_x"
    assert re.fullmatch("entity_[0-9a-f]{8}", entity_name("+++"))
    assert len({entity_name(text) for text in ("+++", "---", "", "\ud800", "\udcff")}) == 5
